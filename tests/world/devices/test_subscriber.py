"""A subscriber keeps where it is together with what it was handed."""

from types import SimpleNamespace

from acidtest.world.devices.subscriber import Subscriber


def subscriber():
    return Subscriber(SimpleNamespace(scope=None, equipment=None))


def test_it_goes_on_from_what_it_was_handed_last():
    reader = subscriber()
    assert reader.hand(0, ("one", "three"), 3)
    assert (reader.position, reader.seen().rows) == (3, ("one", "three"))


def test_what_was_read_from_elsewhere_is_not_taken():
    reader = subscriber()
    reader.hand(0, ("one",), 1)
    assert not reader.hand(0, ("one",), 1)
    assert reader.seen().rows == ("one",)


def test_reports_say_what_is_new():
    reader = subscriber()
    before = reader.seen()
    reader.hand(0, ("one",), 1)
    assert list(reader.changed(before, reader.seen())) == ["subscriber: one"]
