"""XML that wants to cost more than its size, to read files or to call somebody: refused."""

import socket
import threading

import pytest

from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.epcis.strict_json import MAX_BYTES
from foodtrace.trace.epcis.xml.polls import read_poll
from foodtrace.trace.epcis.xml.reading import read_xml
from foodtrace.trace.errors import Invalid, TooLarge
from tests.trace.test_epcis_xml_reading import document, event

NO_DOCTYPE = "Document types (DOCTYPE) and entities are refused"


def refusal(body, kind=Invalid):
    with pytest.raises(kind) as refused:
        read_xml(body)
    (problem,) = refused.value.problems
    return problem.rule % problem.values


BILLION_LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [
 <!ENTITY a "lollollollollollollollollollol">
 <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
 <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
 <!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
 <!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">
 <!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">
]>
<ObjectEvent>&f;</ObjectEvent>"""


@pytest.mark.parametrize(
    "body",
    [
        BILLION_LAUGHS,
        b'<!DOCTYPE a [<!ENTITY a "' + b"x" * 50_000 + b'">]><a>' + b"&a;" * 50_000 + b"</a>",
        b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><ObjectEvent>&a;</ObjectEvent>',
        b'<!DOCTYPE a [<!ENTITY % a SYSTEM "http://127.0.0.1:9/a.dtd"> %a;]><ObjectEvent/>',
        b'<!DOCTYPE ObjectEvent SYSTEM "http://127.0.0.1:9/a.dtd"><ObjectEvent/>',
        b"<!DOCTYPE ObjectEvent><ObjectEvent/>",
        b"<!-- one --> <?a b?>\n<!-- <a> --><!DOCTYPE ObjectEvent><ObjectEvent/>",
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16"),
        b"\xef\xbb\xbf<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ATTLIST ObjectEvent type CDATA "x">]><ObjectEvent/>',
    ],
)
def test_document_types_are_refused_before_anything_is_done_with_them(body):
    assert refusal(body) == NO_DOCTYPE
    with pytest.raises(Invalid):
        read_poll(body)


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf\xef\xbb\xbf<!DOCTYPE a><a/>",
        "\ufeff\ufeff<!DOCTYPE a><a/>".encode("utf-16-le"),
        b'<?xml version="1.0"?>\xef\xbb\xbf<!DOCTYPE a><a/>',
        b'<?xml version="1.0"?>\n\xef\xbb\xbf<ObjectEvent/>',
    ],
)
def test_a_second_byte_order_mark_hides_no_document_type(body):
    assert refusal(body) == "The body starts with a byte order mark"


@pytest.mark.parametrize(
    "before",
    [
        *(
            "\x0c",
            "\xa0",
            "\u2028",
            "<!-- -- -->",
            "<!---->",
            "<!-->-->",
            "<?a?b?>",
            "<![CDATA[ ]]>",
        ),
        *("<?xml  version='1.0'  ?  >", f"<?xml version='1.0' standalone='yes' {' ' * 400}?>"),
    ],
)
def test_nothing_before_a_document_type_hides_it(before):
    with pytest.raises(Invalid):
        read_xml(f"{before}<!DOCTYPE ObjectEvent><ObjectEvent/>".encode())


def test_the_word_doctype_in_a_text_is_no_document_type():
    body = document(event("<ex:a><![CDATA[<!DOCTYPE a>]]></ex:a><!-- <!DOCTYPE a> -->"))
    assert b'"ex:a":"<!DOCTYPE a>"' in read_xml(body).body


def test_entities_that_nobody_declared_are_refused():
    for more in ("<ex:a>&file;</ex:a>", '<ex:a b="&file;"/>'):
        assert "Entity 'file' not defined" in refusal(document(event(more)))


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b'<?xml version="1.0" encoding="UTF-7"?>+ADw-ObjectEvent/+AD4-', "UTF-7"),
        ("<ObjectEvent/>".encode("utf-32"), "UTF-32"),
        ("<ObjectEvent/>".encode("utf-32-be"), None),
        ('<?xml version="1.0" encoding="GB18030"?><a>贵阳</a>'.encode("gb18030"), "GB18030"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?><ObjectEvent/>', "ISO-8859-1"),
        (b'<?xml version="1.0" encoding="UTF-16"?><ObjectEvent/>', "UTF-16"),
        (b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><ObjectEvent/>', "EBCDIC-CP-US"),
        ("<ObjectEvent/>".encode("utf-16-le"), None),
        (b"<ObjectEvent>\xff\xfe\xfd</ObjectEvent>", None),
        (b"\xff\xfe<\x00\x00", None),
    ],
)
def test_other_encodings_are_refused(body, encoding):
    rule = refusal(body)
    assert encoding is None or rule.startswith(f"The encoding {encoding} is not read here")


@pytest.mark.parametrize(
    "body",
    [
        document(event()).decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        b"\xef\xbb\xbf" + document(event()),
        document(event()).replace(b"UTF-8", b"us-ascii"),
        document(event()).replace(b'<?xml version="1.0" encoding="UTF-8"?>', b""),
    ],
)
def test_the_encodings_of_the_standard_are_read(body):
    assert read_xml(body).body == read_xml(document(event())).body


def test_only_xml_1_0_is_read():
    body = document(event()).replace(b'version="1.0"', b'version="1.1"')
    assert refusal(body) == "Only XML 1.0 is read here"


@pytest.mark.parametrize("depth", [70, 250])
def test_deep_nesting_is_refused_by_its_depth(depth):
    deep = "<ex:a>" * depth + "</ex:a>" * depth
    assert refusal(document(event(deep))) == "The XML is nested deeper than 64 levels"


@pytest.mark.parametrize("name", ["ex:a", "extension", "EPCISBody"])
def test_100000_nested_elements_are_refused(name):
    deep = f"<{name}>" * 100_000 + f"</{name}>" * 100_000
    assert "Excessive depth" in refusal(document(event(deep)))


def test_wrappers_in_wrappers_cost_no_more_than_others():
    deep = "<extension>" * 200 + "<ex:a/>" * 50_000 + "</extension>" * 200
    assert refusal(document(event(deep))) == "EPCIS has no field extension here"


def test_a_huge_attribute_is_refused_as_a_huge_text_is():
    converted = read_xml(document(event(f'<ex:a b="{"x" * 1_100_000}"/>')))
    with pytest.raises(TooLarge):
        read_document(converted.body, now=None)


def test_a_huge_body_is_not_looked_at():
    assert "the limit is" in refusal(b"<" * (MAX_BYTES + 1), TooLarge)


@pytest.mark.parametrize("value", ["<ex:a/>", '<ex:a x="1"/>', "<bizStep/>"])
def test_a_million_values_are_too_many(value):
    body = document(event(value * (9_000_000 // len(value))))
    assert refusal(body, TooLarge) == "The body has more than 500000 values"


def test_namespace_bombs_are_refused():
    too_many = "The document declares too many namespaces"
    at_once = " ".join(f'xmlns:a{number}="urn:a:{number}"' for number in range(5000))
    assert refusal(document(event(), namespaces=at_once)) == too_many
    one_by_one = "".join(f'<a{n}:b xmlns:a{n}="urn:a:{n}"/>' for n in range(5000))
    assert refusal(document(event(one_by_one))) == too_many
    nested = "".join(f'<ex:a xmlns:a{n}="urn:a"><ex:b/>' for n in range(150))
    assert refusal(document(event(nested + "</ex:a>" * 150))) == too_many


def test_one_namespace_under_many_prefixes_is_read():
    many = "".join(f'<a{n}:b xmlns:a{n}="urn:a:">{n}</a{n}:b>' for n in range(5000))
    assert b'{"a0":"urn:a:"}' in read_xml(document(event(many))).body


def test_texts_of_xml_obey_the_rules_of_json():
    for text in ("&#x202e;", "&#x200b;", "e&#x301;", "&#xfdd0;", "&#x1ffff;"):
        converted = read_xml(document(event(f"<ex:a>{text}</ex:a>")))
        with pytest.raises(Invalid) as refused:
            read_document(converted.body, now=None)
        (problem,) = refused.value.problems
        assert converted.place_of(problem.place) == "line 9, ObjectEvent/a"


def test_a_false_mark_of_our_own_writer_is_refused():
    ours = 'xmlns:j="https://foodtrace.example/ns/json"'
    for text in ("[1", "NaN", '"\\ud800"', "[" * 100 + "]" * 100, "[" * 100_000):
        body = document(event(f'<ex:a {ours} j:literal="true">{text}</ex:a>'))
        assert refusal(body) == "The text is said to be JSON and is not"


@pytest.fixture
def listener():
    """A socket on loopback, and a list that gets whoever connects."""
    seen = []
    server = socket.create_server(("127.0.0.1", 0))

    def accept():
        try:
            while True:
                connection, _ = server.accept()
                seen.append(connection)
                connection.close()
        except OSError:
            return

    thread = threading.Thread(target=accept)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}", seen
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()
    for connection in seen:
        connection.close()


def test_nothing_is_fetched(listener):
    address, seen = listener
    bodies = [
        document(
            event(f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="{address}/a"/>'),
            namespaces=f'xsi:schemaLocation="urn:a {address}/a.xsd" '
            f'xsi:noNamespaceSchemaLocation="{address}/b.xsd"',
        ),
        f'<?xml-stylesheet type="text/xsl" href="{address}/a.xsl"?>{event()}'.encode(),
        f'<!DOCTYPE ObjectEvent SYSTEM "{address}/a.dtd">{event()}'.encode(),
        f'<!DOCTYPE a [<!ENTITY % b SYSTEM "{address}/a"> %b;]>{event()}'.encode(),
        f'<!DOCTYPE a [<!ENTITY b SYSTEM "{address}/a">]><ObjectEvent>&b;</ObjectEvent>'.encode(),
    ]
    read = 0
    for body in bodies:
        try:
            read_xml(body)
            read += 1
        except Invalid:
            pass
    assert read == 2
    assert seen == []
    # The listener does listen.
    host, _, port = address.removeprefix("http://").partition(":")
    socket.create_connection((host, int(port))).close()
    while not seen:
        threading.Event().wait(0.01)


def test_an_inclusion_is_an_extension_like_any_other():
    include = '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'
    assert b'"x:include":{"@href":"/etc/passwd"}' in read_xml(document(event(include))).body


def test_processing_instructions_have_no_effect():
    instruction = b"<?php echo 1 ?>"
    body = document(event(instruction.decode())) + instruction
    assert read_xml(body).body == read_xml(document(event())).body


def test_runs_of_white_space_cost_what_they_are_long():
    text = "x" + " " * 1_000_000 + "x" + " \n" * 500_000 + "x"
    converted = read_xml(document(event(f"<ex:a>{text}</ex:a>")))
    assert b'x x"' in converted.body
