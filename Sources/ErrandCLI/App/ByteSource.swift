// Input of any length, piece by piece and line by line.

import Glibc

/// Bytes that come in pieces.
package final class ByteSource {
    private let read: () throws -> [UInt8]?
    private let close: () -> Void

    /// Bytes that `read` gives, until it gives `nil`; `close` is called once nobody wants more.
    package init(read: @escaping () throws -> [UInt8]?, close: @escaping () -> Void = {}) {
        self.read = read
        self.close = close
    }

    deinit { close() }

    /// The next piece; `nil` at the end.
    package func next() throws -> [UInt8]? { try read() }

    /// A file, or standard input for `nil`.
    /// - Throws: ``Failure`` with status 2 for a file that cannot be read.
    package static func open(_ path: String?) throws -> ByteSource {
        let descriptor = path.map { Glibc.open($0, O_RDONLY | O_CLOEXEC) } ?? STDIN_FILENO
        let name = path ?? "standard input"
        guard descriptor >= 0 else { throw Failure(.usage, "cannot read \(name): \(String(cString: strerror(errno)))") }
        return ByteSource {
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            while true {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                if count > 0 { return Array(buffer[..<count]) }
                if count == 0 { return nil }
                if errno != EINTR { throw Failure(.usage, "cannot read \(name): \(String(cString: strerror(errno)))") }
            }
        } close: {
            if path != nil { Glibc.close(descriptor) }
        }
    }
}

/// The lines of a source. None is kept that is longer than a limit.
struct LineReader {
    private let source: ByteSource
    private let limit: Int
    private var buffer: [UInt8] = []
    private var position = 0
    private var isAtEnd = false

    /// The lines of `source`, each of at most `limit` bytes.
    init(_ source: ByteSource, limit: Int) {
        self.source = source
        self.limit = limit
    }

    /// The next line without its end, or `.tooLong`; `nil` at the end. The last line needs no line feed.
    /// - Throws: What the source throws.
    mutating func next() throws -> Line? {
        var isTooLong = false
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { position = end + 1 }
                return isTooLong || end - position > limit ? .tooLong : .bytes(Array(buffer[position..<end]))
            }
            if isAtEnd {
                defer { position = buffer.count }
                if isTooLong { return .tooLong }
                return position < buffer.count ? .bytes(Array(buffer[position...])) : nil
            }
            if buffer.count - position > limit {
                // The rest of such a line is passed over, not kept.
                isTooLong = true
                buffer.removeAll(keepingCapacity: true)
            } else {
                buffer.removeFirst(position)
            }
            position = 0
            searched = buffer.count
            if let piece = try source.next() { buffer += piece } else { isAtEnd = true }
        }
    }

    /// One line.
    enum Line: Hashable {
        case bytes([UInt8])
        case tooLong
    }
}
