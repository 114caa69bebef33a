// Where a command writes: bytes gathered in a buffer and written with write(2), since stdio loses them on a trap.

import Glibc
import Synchronization

/// Standard output or standard error, or a memory of what a test would have seen there.
package final class Output: Sendable {
    /// Whether a person looks at it.
    package let isTerminal: Bool
    /// How many columns the terminal has; `nil` when it is none.
    package let columns: Int?

    private let state = Mutex(State())
    private let put: @Sendable ([UInt8]) -> Int32

    private struct State {
        var buffer: [UInt8] = []
    }

    /// Thrown when the reader has gone away: nothing more is wanted, which is no failure.
    package struct Closed: Error {
        /// The system's error number.
        package let code: Int32

        /// Whether a reader closed its end.
        package var isBrokenPipe: Bool { code == EPIPE }
    }

    /// How much is gathered before it is written: 64 KiB.
    private static let limit = 64 << 10

    /// Writes through `put`, which gives 0 or an error number.
    package init(isTerminal: Bool = false, columns: Int? = nil, put: @escaping @Sendable ([UInt8]) -> Int32) {
        self.isTerminal = isTerminal
        self.columns = columns
        self.put = put
    }

    /// A descriptor of this process.
    package convenience init(descriptor: Int32) {
        let isTerminal = isatty(descriptor) == 1
        self.init(isTerminal: isTerminal, columns: isTerminal ? Output.columns(of: descriptor) : nil) { bytes in
            writeFully(bytes, to: descriptor)
        }
    }

    /// Adds bytes.
    /// - Throws: ``Closed`` when they cannot be written.
    package func write(_ bytes: some Sequence<UInt8>) throws {
        try state.withLock { state in
            state.buffer.append(contentsOf: bytes)
            if state.buffer.count >= Output.limit { try write(&state) }
        }
    }

    /// Adds a line of text.
    /// - Throws: ``Closed``.
    package func line(_ text: String) throws {
        try write("\(text)\n".utf8)
    }

    /// Adds a JSON object as a line.
    /// - Throws: ``Closed``.
    package func object(_ json: [UInt8]) throws { try write(line(of: json)) }

    /// A JSON object as the line that this output shows of it: on a terminal, what would mislead that is escaped, which JSON can do.
    func line(of json: [UInt8]) -> [UInt8] { (isTerminal ? TerminalText.escaped(json: json) : json) + [UInt8(ascii: "\n")] }

    /// Writes what is gathered.
    /// - Throws: ``Closed``.
    package func flush() throws {
        try state.withLock { try write(&$0) }
    }

    private func write(_ state: inout State) throws {
        guard !state.buffer.isEmpty else { return }
        let bytes = state.buffer
        state.buffer = []
        let code = put(bytes)
        if code != 0 { throw Closed(code: code) }
    }

    private static func columns(of descriptor: Int32) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}

/// Writes all of `bytes`, whatever interrupts; 0 or an error number.
func writeFully(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
    bytes.withUnsafeBytes { buffer in
        var done = 0
        while done < buffer.count {
            let count = Glibc.write(descriptor, buffer.baseAddress! + done, buffer.count - done)
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&waiting, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }
}
