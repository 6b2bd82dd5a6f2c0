"""Every text has its Chinese, and the tool that says so notices when one has not."""

import gettext

import pytest

from .check_translations import FOLDERS, catalogue_path, conflicts, main, problems


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_text_is_translated_and_compiled(folder, pytestconfig):
    assert problems(pytestconfig.rootpath / folder) == []


def test_no_two_folders_translate_a_text_differently(pytestconfig):
    assert conflicts(pytestconfig.rootpath / folder for folder in FOLDERS) == []


@pytest.fixture
def project(tmp_path):
    """A project of one folder with three texts: code, template, plural."""
    folder = tmp_path / "trace"
    (folder / "templates" / "trace").mkdir(parents=True)
    (folder / "rules.py").write_text(
        'RULE = mark("%(gtin)s is short")\nN = ngettext("%(n)s lot", "%(n)s lots", 2)\n'
    )
    (folder / "templates" / "trace" / "page.html").write_text("<p>{{ _('Recall') }}</p>")
    return tmp_path


def run(project, *arguments):
    return main([*arguments, "trace"], root=project)


def translate(project, **replacements):
    path = catalogue_path(project / "trace")
    text = path.read_text()
    for english, chinese in replacements.items():
        text = text.replace(f'"{english}"\nmsgstr ""', f'"{english}"\nmsgstr "{chinese}"')
    text = text.replace('msgstr[0] ""', 'msgstr[0] "%(n)s 个批次"')
    text = text.replace(
        '"%(gtin)s is short"\nmsgstr ""', '"%(gtin)s is short"\nmsgstr "%(gtin)s 位数不足"'
    )
    path.write_text(text)


def translated(project):
    run(project, "--write")
    translate(project, Recall="召回")
    assert run(project, "--write") == 0


def test_a_catalogue_is_written_filled_and_compiled(project, capsys):
    translated(project)
    with catalogue_path(project / "trace").with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    assert compiled.gettext("Recall") == "召回"
    assert compiled.gettext("%(gtin)s is short") == "%(gtin)s 位数不足"
    assert compiled.ngettext("%(n)s lot", "%(n)s lots", 2) == "%(n)s 个批次"
    assert run(project) == 0


def test_writing_twice_changes_nothing(project):
    translated(project)
    path = catalogue_path(project / "trace")
    before = path.read_bytes(), path.with_suffix(".mo").read_bytes()
    assert run(project, "--write") == 0
    assert (path.read_bytes(), path.with_suffix(".mo").read_bytes()) == before


def test_a_new_text_is_reported_with_its_file(project, capsys):
    translated(project)
    (project / "trace" / "more.py").write_text('_("Who holds it")')
    assert run(project) == 1
    told = capsys.readouterr().out
    assert "'Who holds it' (trace/more.py) is not translated" in told
    assert "run `make translations`" in told


def test_a_text_that_no_file_uses_any_more_is_reported(project):
    translated(project)
    (project / "trace" / "templates" / "trace" / "page.html").unlink()
    assert run(project) == 1
    assert run(project, "--write") == 0


def test_a_fuzzy_translation_is_reported(project, capsys):
    translated(project)
    path = catalogue_path(project / "trace")
    path.write_text(path.read_text().replace('msgid "Recall"', '#, fuzzy\nmsgid "Recall"'))
    assert run(project) == 1
    assert "'Recall' (trace/templates/trace/page.html) is fuzzy" in capsys.readouterr().out


def test_a_translation_that_loses_a_place_is_reported(project, capsys):
    translated(project)
    path = catalogue_path(project / "trace")
    path.write_text(path.read_text().replace("%(gtin)s 位数不足", "位数不足"))
    assert run(project) == 1
    assert "has the places ['gtin'], its translation []" in capsys.readouterr().out


def test_a_stale_mo_is_reported(project, capsys):
    translated(project)
    catalogue_path(project / "trace").with_suffix(".mo").write_bytes(b"old")
    assert run(project) == 1
    assert "messages.mo is not what it compiles to" in capsys.readouterr().out


def test_a_template_that_cannot_be_parsed_is_an_error(project):
    (project / "trace" / "templates" / "trace" / "page.html").write_text("{% if %}")
    with pytest.raises(Exception, match="Expected an expression"):
        run(project)


def test_one_text_has_one_translation_in_all_folders(project, capsys):
    translated(project)
    other = project / "producers"
    other.mkdir()
    (other / "rules.py").write_text('RULE = mark("Recall")\n')
    main(["--write", "producers"], root=project)
    path = catalogue_path(other)
    path.write_text(path.read_text().replace('"Recall"\nmsgstr ""', '"Recall"\nmsgstr "收回"'))
    assert main(["--write", "trace", "producers"], root=project) == 1
    assert "use one translation, or two English texts" in capsys.readouterr().out
