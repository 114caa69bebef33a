// A terminal that belongs to one program for a while: keys as they are pressed, the whole screen, and everything back as it was.

import CErrand
import Errand
import Glibc
import Synchronization

/// Where a person sits in front of `errand top`.
package struct TerminalSeat: Sendable {
    /// Columns and rows, now.
    var size: @Sendable () -> (columns: Int, rows: Int)
    /// Calls back for keys, from another thread, until the terminal is left.
    var onKeys: @Sendable (@escaping @Sendable ([Key]) -> Void) -> Void
    /// Shows a screen.
    var show: @Sendable ([String]) -> Void
    /// Puts everything back.
    var leave: @Sendable () -> Void

    /// This process's own terminal, in raw mode and on its second screen from now on.
    /// - Throws: ``Failure`` with status 2 when standard input and output are none.
    static func process() throws -> TerminalSeat {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { throw noTerminal }
        var usual = termios()
        guard tcgetattr(STDIN_FILENO, &usual) == 0 else { throw noTerminal }
        let saved = usual
        let hasLeft = Mutex(false)
        let leave: @Sendable () -> Void = {
            hasLeft.withLock { hasLeft in
                guard !hasLeft else { return }
                hasLeft = true
                _ = writeFully(farewell, to: STDOUT_FILENO)
                var settings = saved
                tcflush(STDIN_FILENO, TCIFLUSH)
                tcsetattr(STDIN_FILENO, TCSANOW, &settings)
            }
        }
        try SignalThread.start([SIGINT, SIGTERM, SIGHUP, SIGQUIT], onQuestion: {}) { number, _ in
            // Whoever draws may wait for a terminal that reads no more: nothing here waits for that, or for them.
            var settings = saved
            tcsetattr(STDIN_FILENO, TCSANOW, &settings)
            var output = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
            if poll(&output, 1, 0) == 1 { _ = farewell.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) } }
            _exit(128 + number)
        }
        var raw = saved
        cfmakeraw(&raw)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
        _ = writeFully(Array("\u{1B}[?1049h\u{1B}[?25l".utf8), to: STDOUT_FILENO)
        return TerminalSeat(
            size: {
                var size = winsize()
                guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
                return (Int(size.ws_col), Int(size.ws_row))
            }, onKeys: readKeys,
            show: { lines in
                // Each line clears what is left of the old one; nothing is wiped first, so nothing flickers.
                let text = "\u{1B}[H" + lines.map { $0 + "\u{1B}[K" }.joined(separator: "\r\n") + "\u{1B}[J"
                hasLeft.withLock { if !$0 { _ = writeFully(Array(text.utf8), to: STDOUT_FILENO) } }
            }, leave: leave)
    }

    /// Shows the cursor, and the first screen again.
    private static let farewell = Array("\u{1B}[?25h\u{1B}[?1049l".utf8)

    private static let noTerminal = Failure(
        .usage,
        "top needs a terminal: `\(Session.program) top --once` prints one look, `\(Session.program) stats --json` is for scripts")

    private static func readKeys(_ handle: @escaping @Sendable ([Key]) -> Void) {
        startThread(named: "errand-keys") {
            var buffer = [UInt8](repeating: 0, count: 256)
            while true {
                let count = read(STDIN_FILENO, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return handle([.quit]) }
                var bytes = Array(buffer.prefix(count))
                // A slow line may deliver one key in pieces.
                var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                while Key.isUnfinished(bytes), poll(&input, 1, 100) == 1 {
                    let more = read(STDIN_FILENO, &buffer, buffer.count)
                    guard more > 0 else { break }
                    bytes += buffer.prefix(more)
                }
                handle(Key.keys(in: bytes))
            }
        }
    }
}
