"""Scanning a code: what the page says of each state of the record."""

from .conftest import SAUCE_LOT


def test_a_scanned_lot_shows_its_whole_chain(stage, read):
    stage.whole_chain()
    status, page = read(SAUCE_LOT)
    assert status == 200
    assert "Record complete, tests passed" in page
    for name in ("Alba Farm", "Bruno Foods", "Carla Market", "East China Testing", "HD-0001"):
        assert name in page
