// Where a job stands in a distributed trace: W3C Trace Context and Baggage, read strictly, written canonically.

/// A position in a trace: W3C `traceparent`, with `tracestate` and `baggage` carried along.
///
/// Sources: https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/. Text that breaks their rules is not repaired:
/// the initialisers give `nil`, and whoever asked starts a new trace.
public struct TraceContext: Hashable, Sendable {
    /// 32 lower-case hexadecimal digits, not all zero.
    public let traceID: String
    /// 16 lower-case hexadecimal digits, not all zero.
    public let spanID: String
    /// Whether the caller records this trace.
    public let isSampled: Bool
    /// The `tracestate` header as received, at most 32 members; `nil` when absent or invalid.
    public let traceState: String?
    /// The `baggage` header as received, at most 64 members and 8,192 bytes; `nil` when absent or invalid.
    public let baggage: String?

    /// Reads a `traceparent`, or gives `nil` when it is not valid. An invalid `traceState` or `baggage` is left out.
    public init?(traceParent: String, traceState: String? = nil, baggage: String? = nil) {
        let fields = traceParent.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 4, fields[0].count == 2, Hex.isLowercase(fields[0]), fields[0] != "ff",
            fields[0] != "00" || fields.count == 4,
            fields[3].count == 2, Hex.isLowercase(fields[3]), let flags = UInt8(fields[3], radix: 16)
        else { return nil }
        self.init(traceID: fields[1], spanID: fields[2], isSampled: flags & 1 == 1, traceState: traceState, baggage: baggage)
    }

    /// Puts together a position, or gives `nil` when an ID is not of the right form.
    public init?(traceID: String, spanID: String, isSampled: Bool, traceState: String? = nil, baggage: String? = nil) {
        guard traceID.utf8.count == 32, Hex.isLowercase(traceID), traceID.contains(where: { $0 != "0" }),
            spanID.utf8.count == 16, Hex.isLowercase(spanID), spanID.contains(where: { $0 != "0" })
        else { return nil }
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
        self.traceState = traceState.flatMap { TraceStateGrammar.accepts($0) ? $0 : nil }
        self.baggage = baggage.flatMap { BaggageGrammar.accepts($0) ? $0 : nil }
    }

    /// A place with an ID of ours in the trace of `caller`, whose values were checked when it was made.
    private init(_ caller: TraceContext, spanID: String) {
        (traceID, self.spanID, isSampled) = (caller.traceID, spanID, caller.isSampled)
        (traceState, baggage) = (caller.traceState, caller.baggage)
    }

    /// A place in a trace that begins here, with IDs of ours.
    private init(newTraceID: String, spanID: String) {
        (traceID, self.spanID, isSampled) = (newTraceID, spanID, true)
        (traceState, baggage) = (nil, nil)
    }

    /// The `traceparent` header, version 00.
    public var traceParent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

    /// Whether `text` is baggage that may travel: W3C's grammar, at most 64 members and 8,192 bytes.
    package static func isBaggage(_ text: String) -> Bool { BaggageGrammar.accepts(text) }

    /// The span of one execution: in the caller's trace when there is one, otherwise in a trace of the job's own, which all of its
    /// executions share. The span's ID follows from the execution ID, so that every part that knows it agrees.
    package static func span(of execution: ExecutionID, in caller: TraceContext?) -> TraceContext {
        let job = UInt64(bitPattern: execution.job.rawValue)
        let span = Hex.digits(mix(mix(job) ^ UInt64(bitPattern: execution.ordinal)) | 1)
        if let caller {
            return TraceContext(caller, spanID: span)
        }
        return TraceContext(newTraceID: Hex.digits(mix(job &+ 1), mix(job &+ 2) | 1), spanID: span)
    }

    /// Where the jobs of a workflow belong that was started outside of any trace: it follows from the workflow's ID.
    package static func place(of workflow: WorkflowID) -> TraceContext {
        let number = UInt64(bitPattern: workflow.rawValue)
        return TraceContext(newTraceID: Hex.digits(mix(number &+ 1), mix(number &+ 2) | 1), spanID: Hex.digits(mix(mix(number)) | 1))
    }

    /// SplitMix64's finaliser; Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
    private static func mix(_ seed: UInt64) -> UInt64 {
        var value = seed &+ 0x9E37_79B9_7F4A_7C15
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Lower-case hexadecimal, as the trace headers use it.
package enum Hex {
    /// Whether `text` holds nothing but `0-9` and `a-f`.
    package static func isLowercase(_ text: String) -> Bool {
        text.utf8.allSatisfy {
            ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) || ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "f"))
        }
    }

    /// The 16 digits of `value`.
    package static func digits(_ value: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { write(value, into: $0) }
    }

    /// The 32 digits of two values.
    static func digits(_ high: UInt64, _ low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 32) {
            write(high, into: $0) + write(low, into: UnsafeMutableBufferPointer(rebasing: $0[16...]))
        }
    }

    private static func write(_ value: UInt64, into text: UnsafeMutableBufferPointer<UInt8>) -> Int {
        for index in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index)) & 15
            text[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") - 10 + digit
        }
        return 16
    }
}
