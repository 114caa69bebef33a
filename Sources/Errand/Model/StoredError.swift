// An error as it is kept with an execution and sent to reporters.

/// What went wrong in an execution, in the form in which it is stored, shown and reported.
public struct StoredError: Error, Hashable, Sendable, Codable {
    /// The error's type, such as `MyError` or `CommandFailed`.
    public var type: String
    /// What happened, for a person; at most 16 KiB are kept.
    public var message: String
    /// A number that means something to whoever raised it, such as a command's exit status.
    public var code: Int?
    /// Where it happened, one frame a line, when known.
    public var stack: String?

    /// Describes an error.
    public init(type: String, message: String, code: Int? = nil, stack: String? = nil) {
        self.type = type
        self.message = StoredError.cut(message)
        self.code = code
        self.stack = stack
    }

    /// `text`, at most as long as the limit; a character is kept or left out as a whole.
    private static func cut(_ text: String) -> String {
        guard text.utf8.count > Limits.errorMessageBytes else { return text }
        let bytes = Array(text.utf8.prefix(Limits.errorMessageBytes + 1))
        var end = Limits.errorMessageBytes
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// Describes any thrown error: its type's name, and its text (`errorDescription` styles included through `String(describing:)`).
    public init(_ error: any Error) {
        if let stored = error as? StoredError {
            self = stored
        } else {
            self.init(type: "\(Swift.type(of: error))", message: "\(error)")
        }
    }
}

extension StoredError: CustomStringConvertible {
    /// `type: message`.
    public var description: String { "\(type): \(message)" }
}
