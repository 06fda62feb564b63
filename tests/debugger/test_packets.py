# SPDX-License-Identifier: GPL-2.0-only
"""Packets over a socket pair: frames, checksums, acknowledgements, escapes, bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.debugger import packets
from emulator.debugger.packets import INTERRUPT, escape, frame, unescape
from emulator.debugger.transport import Disconnected
from gdb_client import connected


@pytest.fixture
def pair():
    with connected() as both:
        yield both


def test_a_packet_is_read_and_acknowledged(pair):
    ours, theirs = pair
    ours.sendall(b"$m0,4#fd")
    assert theirs.read() == b"m0,4"
    assert ours.recv(10) == b"+"


def test_a_wrong_checksum_is_asked_for_again(pair):
    ours, theirs = pair
    ours.sendall(b"$m0,4#00$m0,4#FD")
    assert theirs.read() == b"m0,4"
    assert ours.recv(10) == b"-+"


def test_without_acknowledgements_nothing_is_said(pair):
    ours, theirs = pair
    theirs.acknowledge = False
    ours.sendall(b"$g#67")
    assert theirs.read() == b"g"
    theirs.write(b"OK")
    assert ours.recv(10) == b"$OK#9a"


def test_what_was_not_understood_is_sent_again(pair):
    ours, theirs = pair
    theirs.write(b"OK")
    ours.sendall(b"-+$g#67")
    assert theirs.read() == b"g"
    assert ours.recv(20) == b"$OK#9a$OK#9a+"


def test_impatience_is_no_complaint(pair):
    """gdb sends a - for each 2 seconds that it has waited for the first reply."""
    ours, theirs = pair
    ours.sendall(b"+$g#67")
    assert theirs.read() == b"g"
    ours.sendall(b"--")
    theirs.write(b"OK")
    ours.sendall(b"+$?#3f")
    assert theirs.read() == b"?"
    assert ours.recv(20) == b"+$OK#9a+"


def test_several_packets_at_once_and_one_in_pieces(pair):
    ours, theirs = pair
    ours.sendall(b"+$g#67+$?#3f\x03$vCo")
    assert [theirs.read(), theirs.read(), theirs.read()] == [b"g", b"?", INTERRUPT]
    ours.sendall(b"nt?#49")
    assert theirs.read() == b"vCont?"


def test_an_interrupt_is_seen_and_a_packet_behind_it_kept(pair):
    ours, theirs = pair
    assert not theirs.interrupted()
    ours.sendall(b"+\x03$g#67")
    assert theirs.interrupted()
    assert not theirs.interrupted()
    assert theirs.read() == b"g"


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 9, b"\xff", b"#00", b"%Stop:T05#00"])
def test_whoever_does_not_speak_the_protocol_is_sent_away(pair, junk):
    ours, theirs = pair
    ours.sendall(junk)
    with pytest.raises(Disconnected, match="does not speak"):
        theirs.read()


def test_a_packet_without_end_is_no_packet(pair):
    ours, theirs = pair
    ours.sendall(b"$" + b"a" * 2 * packets.SIZE)
    with pytest.raises(Disconnected, match="longer than"):
        theirs.read()


@pytest.mark.parametrize(("sent", "bound"), [(b"", "GREETING"), (b"$g#6", "PARTIAL")])
def test_a_silent_client_is_sent_away(pair, monkeypatch, sent, bound):
    ours, theirs = pair
    theirs._patience = 0.01
    monkeypatch.setattr(packets, bound, 0.01)
    ours.sendall(sent)
    with pytest.raises(Disconnected, match="said nothing"):
        theirs.read()


def test_somebody_who_has_greeted_may_think(pair):
    ours, theirs = pair
    ours.sendall(b"$g#67")
    theirs.read()
    assert theirs._patience == packets.IDLE


def test_a_client_that_has_gone(pair):
    ours, theirs = pair
    ours.close()
    with pytest.raises(Disconnected):
        theirs.read()
    with pytest.raises(Disconnected):
        theirs.write(b"OK")


def test_escapes_of_the_manual():
    assert escape(b"#$}*") == b"}\x03}\x04}]}\n"
    assert frame(b"OK") == b"$OK#9a"


@given(st.binary())
def test_escapes_are_undone_and_leave_no_mark_of_a_frame(data):
    assert unescape(escape(data)) == data
    assert not set(escape(data).replace(b"}", b"")) & set(b"#$*")
