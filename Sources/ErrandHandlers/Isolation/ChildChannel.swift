// The isolated process's end of its channel: log lines go out as they are written, a cancellation comes in.

import CErrand
import Errand
import Glibc
import Synchronization

/// Writes to the worker, and hears from it.
final class ChildChannel: LogSink {
    /// The descriptor under which the process finds it.
    static let number = Int32(ChildProcess.resultNumber)

    /// Keeps messages whole and lines in their order.
    private let turn = Mutex(())

    /// Everything on standard input, which is a file; afterwards it is empty.
    static func assignmentBytes() -> [UInt8]? {
        var status = stat()
        guard fstat(STDIN_FILENO, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeMutableBytes { pread(STDIN_FILENO, $0.baseAddress! + done, $0.count - done, done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            done += count
        }
        let nothing = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard nothing >= 0, dup2(nothing, STDIN_FILENO) == STDIN_FILENO else { return nil }
        close(nothing)
        return bytes
    }

    /// At once, by the thread that has written the line: whatever ends this process next, its worker has the line. A worker that cannot
    /// keep up holds the thread.
    func hasLines(_ log: ExecutionLog, isUrgent: Bool) {
        turn.withLock { _ in
            if let lines = log.takePending() { write(.lines(lines)) }
        }
    }

    /// Sends a message after all others.
    func send(_ message: ChannelMessage) { turn.withLock { _ in write(message) } }

    private func write(_ message: ChannelMessage) {
        let bytes: [UInt8]
        do {
            bytes = try message.bytes()
        } catch {
            fatalError("what goes over the channel can be written as JSON: \(error)")
        }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(ChildChannel.number, $0.baseAddress! + done, $0.count - done, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            // The worker is gone, and the thread that listens ends this process.
            guard count > 0 else { return }
            done += count
        }
    }

    /// Calls `onWord` with all that the worker says. The worker's end is this process's, and that of whatever else is in its process group.
    func listen(to worker: pid_t, onWord: @escaping @Sendable (WorkerWord) -> Void) {
        startThread(named: "errand-channel") {
            // The kernel's word as well, in case nobody here runs any more: asked for by a thread that stays, since it goes with its thread.
            var isWorkerHere = errand_follow_parent(worker, SIGKILL) == 0
            var buffer: [UInt8] = []
            while isWorkerHere {
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = read(ChildChannel.number, &bytes, bytes.count)
                if count < 0, errno == EINTR { continue }
                isWorkerHere = count > 0
                buffer += bytes.prefix(max(0, count))
                do {
                    while let word = try WorkerWord.take(from: &buffer) { onWord(word) }
                } catch {
                    // Not our worker's: as good as gone.
                    isWorkerHere = false
                }
            }
            kill(0, SIGKILL)
        }
    }
}
