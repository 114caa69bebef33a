// Lines that already are log records: JSON objects with a level and a message.

import Errand
import FoundationEssentials
package import Logging

/// A line of output that says its own level, message and fields.
package struct StructuredLine {
    /// Its level.
    package let level: Logger.Level
    /// Its message.
    package let message: String
    /// How far its command says it is: a number from 0 to 1 in `progress`, which is one of the other fields as well.
    package let progress: Double?
    /// Its other fields.
    package let metadata: Logger.Metadata

    /// Reads a JSON object with `level` (a name, or a number as pino and bunyan write them) and `message` (or `msg`); `nil` for any
    /// other line, which is then filed as it is.
    package init?(_ line: [UInt8]) {
        guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}"), StructuredLine.mentionsLevel(line) else { return nil }
        do {
            // Strictly: what Foundation would repair or choose from (duplicate names) is better shown as it was printed.
            try JSONValidator.validate(line)
            var fields = try JSONDecoder().decode([String: JSONValue].self, from: Data(line))
            // To `String`, é and e with an accent are one name; to JSON they are two, and neither may be lost.
            guard JSONValue.object(fields).members == StructuredLine.members(of: line) else { return nil }
            guard let level = fields.removeValue(forKey: "level").flatMap(StructuredLine.level(of:)) else { return nil }
            let name = fields["message"] != nil ? "message" : "msg"
            guard case .string(let message)? = fields.removeValue(forKey: name) else { return nil }
            progress = fields["progress"].flatMap(StructuredLine.fraction(of:))
            self.level = level
            self.message = message
            metadata = fields.mapValues(\.metadataValue)
        } catch {
            // Not an object as described above: an ordinary line, nothing is lost.
            return nil
        }
    }

    private static func mentionsLevel(_ line: [UInt8]) -> Bool {
        let name = Array("\"level\"".utf8)
        return line.indices.contains { line[$0] == name[0] && line[$0...].starts(with: name) }
    }

    /// How many members all objects of valid JSON have: as many as there are colons outside of strings.
    private static func members(of line: [UInt8]) -> Int {
        var count = 0
        var isInString = false
        var isEscaped = false
        for byte in line {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\"") {
                isInString.toggle()
            } else if isInString {
                isEscaped = byte == UInt8(ascii: "\\")
            } else if byte == UInt8(ascii: ":") {
                count += 1
            }
        }
        return count
    }

    private static func fraction(of value: JSONValue) -> Double? {
        let number: Double? =
            switch value {
            case .integer(let whole): Double(whole)
            case .number(let number): number
            default: nil
            }
        return number.flatMap { (0...1).contains($0) ? $0 : nil }
    }

    private static func level(of value: JSONValue) -> Logger.Level? {
        switch value {
        case .string(let name): names[name.lowercased()]
        case .integer(let number): numbers[number]
        default: nil
        }
    }

    private static let names: [String: Logger.Level] = [
        "trace": .trace, "debug": .debug, "info": .info, "notice": .notice, "warning": .warning, "warn": .warning, "error": .error,
        "critical": .critical, "fatal": .critical,
    ]
    /// https://github.com/pinojs/pino/blob/main/docs/api.md, "Logger Level".
    private static let numbers: [Int64: Logger.Level] = [10: .trace, 20: .debug, 30: .info, 40: .warning, 50: .error, 60: .critical]
}

/// Any JSON.
private enum JSONValue: Decodable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Each `try?` asks whether it is that type; the last question throws.
        if container.decodeNil() {
            self = .null
        } else if let text = try? container.decode(String.self) {
            self = .string(text)
        } else if let flag = try? container.decode(Bool.self) {
            self = .bool(flag)
        } else if let number = try? container.decode(Int64.self) {
            self = .integer(number)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let values = try? container.decode([JSONValue].self) {
            self = .array(values)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// How many members the objects in it have, at all depths.
    var members: Int {
        switch self {
        case .null, .bool, .integer, .number, .string: 0
        case .array(let values): values.reduce(0) { $0 + $1.members }
        case .object(let fields): fields.values.reduce(fields.count) { $0 + $1.members }
        }
    }

    var metadataValue: Logger.MetadataValue {
        switch self {
        case .null: "null"
        case .bool(let flag): .stringConvertible(flag)
        case .integer(let number): .stringConvertible(number)
        case .number(let number): .stringConvertible(number)
        case .string(let text): .string(text)
        case .array(let values): .array(values.map(\.metadataValue))
        case .object(let fields): .dictionary(fields.mapValues(\.metadataValue))
        }
    }
}
