// Trace headers: what is taken over from a caller is what W3C allows, and goes out again as the same position.

import ErrandContext

extension FuzzTarget {
    /// `TraceContext` with `tracestate` and `baggage`.
    static let trace = FuzzTarget(name: "trace", broken: "takes capital digits as well") { bytes, variant throws(Finding) in
        var source = ByteSource(bytes)
        let fields = source.fields().prefix(3).map { String(decoding: $0, as: UTF8.self) }
        guard let parent = fields.first else { return }
        let read = variant == .broken ? parent.lowercased() : parent
        guard let trace = TraceContext(traceParent: read, traceState: fields.dropFirst().first, baggage: fields.dropFirst(2).first) else {
            return
        }
        try expect(isTraceParent(Array(parent.utf8)), "takes \(parent.debugDescription)")
        let again = TraceContext(traceParent: trace.traceParent, traceState: trace.traceState, baggage: trace.baggage)
        try expect(again == trace, "\(parent.debugDescription) goes out as another position: \(trace)")
        for header in [trace.traceParent, trace.traceState, trace.baggage].compactMap({ $0 }) {
            try expect(
                header.utf8.allSatisfy { $0 == 0x09 || (0x20...0x7E).contains($0) },
                "a header that cannot be sent: \(header.debugDescription)")
        }
        try expect((trace.baggage?.utf8.count ?? 0) <= 8192, "baggage of \(trace.baggage?.utf8.count ?? 0) bytes")
    }

    /// https://www.w3.org/TR/trace-context/#traceparent-header, byte by byte.
    private static func isTraceParent(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 55, bytes.count == 55 || (bytes[55] == UInt8(ascii: "-") && bytes[..<2] != Array("00".utf8)[...]) else {
            return false
        }
        let dashes: Set = [2, 35, 52]
        let isFormed = bytes[..<55].indices.allSatisfy { index in
            dashes.contains(index) ? bytes[index] == UInt8(ascii: "-") : "0123456789abcdef".utf8.contains(bytes[index])
        }
        let isZero = { (range: Range<Int>) in bytes[range].allSatisfy { $0 == UInt8(ascii: "0") } }
        return isFormed && bytes[..<2] != Array("ff".utf8)[...] && !isZero(3..<35) && !isZero(36..<52)
    }
}
