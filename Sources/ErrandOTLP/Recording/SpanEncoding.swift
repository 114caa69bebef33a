// Spans and what they hold as messages of OTLP's schema. Pure.

#if Web
import ErrandContext
import FoundationEssentials
import Tracing

typealias SpanMessage = Opentelemetry_Proto_Trace_V1_Span
typealias KeyValueMessage = Opentelemetry_Proto_Common_V1_KeyValue
typealias AnyValueMessage = Opentelemetry_Proto_Common_V1_AnyValue

enum SpanEncoding {
    /// How many attributes a span, an event or a link keeps: OpenTelemetry's default limit.
    static let attributesLimit = 128
    /// How long a text may be, in bytes.
    static let textLimit = 8192

    /// The bytes that hexadecimal digits say.
    static func bytes(_ digits: String) -> Data {
        var bytes = Data()
        var high: UInt8?
        for character in digits.utf8 {
            let value = character <= UInt8(ascii: "9") ? character - UInt8(ascii: "0") : character - UInt8(ascii: "a") + 10
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    /// W3C's flags in the lowest byte; then whether it is known that the parent is remote (it always is), and whether it is.
    static func flags(isSampled: Bool, isRemote: Bool) -> UInt32 { (isSampled ? 1 : 0) | 0x100 | (isRemote ? 0x200 : 0) }

    static func kind(_ kind: SpanKind) -> SpanMessage.SpanKind {
        switch kind {
        case .server: .server
        case .client: .client
        case .producer: .producer
        case .consumer: .consumer
        case .internal: .internal
        }
    }

    static func status(_ status: SpanStatus) -> Opentelemetry_Proto_Trace_V1_Status {
        var message = Opentelemetry_Proto_Trace_V1_Status()
        switch status.code {
        case .ok: message.code = .ok
        case .error:
            message.code = .error
            message.message = cut(status.message ?? "")
        }
        return message
    }

    static func event(_ event: SpanEvent) -> SpanMessage.Event {
        var message = SpanMessage.Event()
        message.name = cut(event.name)
        message.timeUnixNano = event.nanosecondsSinceEpoch
        (message.attributes, message.droppedAttributesCount) = attributes(event.attributes)
        return message
    }

    /// A link; `nil` where its context holds no span of this tracer's.
    static func link(_ link: SpanLink) -> SpanMessage.Link? {
        guard let place = link.context[SpanPlace.self] else { return nil }
        var message = SpanMessage.Link()
        message.traceID = bytes(place.position.traceID)
        message.spanID = bytes(place.position.spanID)
        message.traceState = place.position.traceState ?? ""
        message.flags = flags(isSampled: place.position.isSampled, isRemote: place.isRemote)
        (message.attributes, message.droppedAttributesCount) = attributes(link.attributes)
        return message
    }

    /// Attributes in the order of their names, and how many were too many.
    static func attributes(_ attributes: SpanAttributes) -> ([KeyValueMessage], dropped: UInt32) {
        var messages: [KeyValueMessage] = []
        attributes.forEach { name, value in messages.append(pair(name, any(value))) }
        messages.sort { $0.key < $1.key }
        let dropped = max(0, messages.count - attributesLimit)
        return (Array(messages.prefix(attributesLimit)), UInt32(dropped))
    }

    static func pair(_ name: String, _ value: AnyValueMessage) -> KeyValueMessage {
        var pair = KeyValueMessage()
        pair.key = cut(name)
        pair.value = value
        return pair
    }

    static func text(_ text: String) -> AnyValueMessage { value(.stringValue(cut(text))) }
    static func number(_ number: Int64) -> AnyValueMessage { value(.intValue(number)) }

    private static func any(_ attribute: SpanAttribute) -> AnyValueMessage {
        switch attribute {
        case .int32(let number): return value(.intValue(Int64(number)))
        case .int64(let number): return value(.intValue(number))
        case .int32Array(let numbers): return list(numbers.map { value(.intValue(Int64($0))) })
        case .int64Array(let numbers): return list(numbers.map { value(.intValue($0)) })
        case .double(let number): return value(.doubleValue(number))
        case .doubleArray(let numbers): return list(numbers.map { value(.doubleValue($0)) })
        case .bool(let flag): return value(.boolValue(flag))
        case .boolArray(let flags): return list(flags.map { value(.boolValue($0)) })
        case .string(let string): return text(string)
        case .stringArray(let strings): return list(strings.map(text))
        case .stringConvertible(let convertible): return text("\(convertible)")
        case .stringConvertibleArray(let convertibles): return list(convertibles.map { text("\($0)") })
        // The library asks for a default: it may learn of more.
        default: return text("\(attribute)")
        }
    }

    private static func value(_ one: AnyValueMessage.OneOf_Value) -> AnyValueMessage {
        var message = AnyValueMessage()
        message.value = one
        return message
    }

    private static func list(_ values: [AnyValueMessage]) -> AnyValueMessage {
        var array = Opentelemetry_Proto_Common_V1_ArrayValue()
        array.values = Array(values.prefix(attributesLimit))
        return value(.arrayValue(array))
    }

    /// `text`, cut at a character's end where it is too long.
    static func cut(_ text: String) -> String {
        guard text.utf8.count > textLimit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: textLimit)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}
#endif
