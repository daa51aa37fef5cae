#!/usr/bin/env python3
"""flows.py - Debian's softflowd reads a capture that the test has written and exports its flows, as NetFlow 5 and 9 and as IPFIX, to the input udp with the
codec netflow; every record is compared with what is in the capture."""
import datetime
import glob
import os
import socket
import struct

import harness

CONF = '''
input { udp { host => "127.0.0.1" port => %d codec => netflow { versions => [5, 9, 10] } } }
output { file { path => "%s" codec => json_lines } }
'''
BEGIN = 1767322800      # of the capture: 2026-01-02T03:00:00Z
TCP, UDP = 6, 17


class Flow:
    """One direction: `sizes` are the lengths of the IP packets."""

    def __init__(self, source, target, protocol, source_port, target_port, sizes, flags=0, at=0.0):
        self.source, self.target, self.protocol, self.ports = source, target, protocol, (source_port, target_port)
        self.sizes, self.flags, self.at, self.six = sizes, flags, at, ':' in source

    def packets(self):
        for i, size in enumerate(self.sizes):
            yield self.at + i * 0.25, self.frame(size)

    def frame(self, size):
        head = 40 if self.six else 20
        if self.protocol == TCP:
            inner = struct.pack('>HHIIBBHHH', *self.ports, 1, 1, 0x50, self.flags, 65535, 0, 0)
        else:
            inner = struct.pack('>HHHH', *self.ports, size - head, 0)
        inner += bytes(size - head - len(inner))
        if self.six:
            ip = struct.pack('>IHBB', 6 << 28, size - head, self.protocol, 64) + socket.inet_pton(socket.AF_INET6, self.source) + socket.inet_pton(socket.AF_INET6, self.target)
            kind = 0x86dd
        else:
            ip = struct.pack('>BBHHHBBH', 0x45, 0, size, 1, 0, 64, self.protocol, 0) + socket.inet_aton(self.source) + socket.inet_aton(self.target)
            kind = 0x0800
        return b'\x02' * 6 + b'\x04' * 6 + struct.pack('>H', kind) + ip + inner

    def key(self):
        return self.source, self.target, self.protocol, *self.ports


FLOWS = [
    Flow('192.0.2.7', '198.51.100.1', TCP, 51905, 443, [60, 40, 517, 1500, 1500, 40], 0x1b),
    Flow('198.51.100.1', '192.0.2.7', TCP, 443, 51905, [60, 1500, 1500, 40], 0x1a, 0.1),
    Flow('192.0.2.8', '198.51.100.53', UDP, 40000, 53, [70], at=1),
    Flow('198.51.100.53', '192.0.2.8', UDP, 53, 40000, [180], at=1.1),
    Flow('192.0.2.9', '203.0.113.9', UDP, 123, 123, [76] * 100, at=2),
    Flow('203.0.113.200', '192.0.2.10', TCP, 60000, 22, [60] * 3, 0x02, 3),
]
SIX = [Flow('2001:db8::7', '2001:db8::53', UDP, 50000, 53, [95, 95], at=4), Flow('2001:db8::53', '2001:db8::7', UDP, 53, 50000, [300, 310], at=4.1)]


def write_capture(path, flows):
    """pcap: https://www.tcpdump.org/manpages/pcap-savefile.5.html; link type 1 is Ethernet."""
    packets = sorted((p for f in flows for p in f.packets()), key=lambda p: p[0])
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for at, frame in packets:
            f.write(struct.pack('<IIII', BEGIN + int(at), int(at % 1 * 1000000), len(frame), len(frame)) + frame)


def export(version, port, capture):
    root = harness.part('softflowd', 'usr/sbin/softflowd')
    libs = ':'.join(glob.glob(root + '/usr/lib/*-linux-*') + glob.glob(root + '/lib/*-linux-*'))
    p = harness.Program('softflowd', [root + '/usr/sbin/softflowd', '-d', '-r', capture, '-n', '127.0.0.1:%d' % port, '-v', str(version),
                                      '-p', os.path.join(harness.work, 'softflowd.pid'), '-c', 'none'],
                        env={'LD_LIBRARY_PATH': libs})
    assert p.wait() == 0, p.tail()


def first(record, *names):
    return next((record[n] for n in names if n in record), None)


def read_record(document):
    """(key, packets, bytes, flags) whatever the version calls them."""
    r = document['netflow']
    return ((first(r, 'ipv4_src_addr', 'ipv6_src_addr', 'sourceIPv4Address', 'sourceIPv6Address'),
             first(r, 'ipv4_dst_addr', 'ipv6_dst_addr', 'destinationIPv4Address', 'destinationIPv6Address'),
             first(r, 'protocol', 'protocolIdentifier'), first(r, 'l4_src_port', 'sourceTransportPort'), first(r, 'l4_dst_port', 'destinationTransportPort')),
            first(r, 'in_pkts', 'packetDeltaCount'), first(r, 'in_bytes', 'octetDeltaCount'), first(r, 'tcp_flags', 'tcpControlBits'))


def exchange(version, flows, about=0):
    """about: records that tell of the exporter itself, by an options template; these come back."""
    port, out, capture = harness.free_port(), os.path.join(harness.work, 'out.ndjson'), os.path.join(harness.work, 'flows.pcap')
    harness.part('softflowd', 'usr/sbin/softflowd')
    write_capture(capture, flows)
    lines = harness.Lines(out)
    weird = harness.Weird(CONF % (port, out))
    export(version, port, capture)
    # Its template for ICMP over IPv6 names a field that Logstash's tables of version 9 do not have.
    weird.expect('field 139 of enterprise 0 is unknown')
    documents = lines.documents(len(flows) + about, alive=weird)
    own = [d for d in documents if read_record(d)[0][0] is None]
    assert len(own) == about, own
    documents = [d for d in documents if d not in own]
    have = {r[0]: r[1:] for r in map(read_record, documents)}
    want = {f.key(): (len(f.sizes), sum(f.sizes), f.flags) for f in flows}
    assert have == want, 'have %r\nwant %r' % (have, want)
    check_times(documents, flows)
    for d in documents:
        assert d['netflow']['version'] == version and d['host'] == '127.0.0.1', d
    weird.stop()
    assert len(lines.wait(len(flows) + about)) == len(flows) + about
    return own


def lasted(document):
    """Milliseconds from the first packet to the last."""
    r = document['netflow']
    if 'flowStartSysUpTime' in r:
        return r['flowEndSysUpTime'] - r['flowStartSysUpTime']
    first, last = (datetime.datetime.fromisoformat(r[k].replace('Z', '+00:00')) for k in ('first_switched', 'last_switched'))
    return (last - first) // datetime.timedelta(milliseconds=1)


def check_times(documents, flows):
    """softflowd has one flow for both directions: its times are those of both."""
    for d in documents:
        source, target, protocol, a, b = read_record(d)[0]
        stamps = [at for f in flows if f.key() in ((source, target, protocol, a, b), (target, source, protocol, b, a)) for at, _ in f.packets()]
        assert lasted(d) == round(1000 * (max(stamps) - min(stamps))), (d, stamps)


def test_version_5():
    exchange(5, FLOWS)


def test_version_9():
    about, = exchange(9, FLOWS + SIX, 1)
    assert about['netflow']['sampling_interval'] == 1, about


def test_ipfix():
    about, = exchange(10, FLOWS + SIX, 1)
    assert about['netflow']['samplingPacketInterval'] == 1, about


harness.main()
