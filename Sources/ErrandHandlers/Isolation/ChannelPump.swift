// The worker's end of a channel: files the process's log lines as they come, and keeps how its handler ended.

import CErrand
import Errand
import Glibc

/// Reads the channel of one isolated execution. Runs on ``EventLoop/output``.
struct ChannelPump: Sendable {
    private let channel: Descriptor
    private let watch: Watch
    private let context: ExecutionContext

    /// Will read `channel` for `context`.
    init(_ channel: Descriptor, for context: ExecutionContext) {
        self.channel = channel
        self.context = context
        watch = Watch(channel, on: .output)
    }

    /// What came over the channel.
    struct Result: Sendable {
        /// How the handler ended, if the process said so.
        var ending: ChannelMessage.Ending?
        /// Of its log.
        var lastWords = LastWords()
        /// Whether something else than a message came.
        var isDamaged = false
    }

    /// Tells the process to cancel its handler.
    func cancel() {
        var byte: UInt8 = 1
        // It has ended, or has been told: there is nobody to tell.
        _ = send(channel.number, &byte, 1, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }

    /// Ends ``run()`` after what the channel holds now.
    func stop() { watch.stop() }

    /// Files lines until the handler's end has been told, the channel ends, or ``stop()`` is called.
    func run() async -> Result {
        var result = Result()
        var buffer: [UInt8] = []
        var isStopped = false
        while true {
            switch read(into: &buffer) {
            case .some(true):
                do {
                    while let message = try ChannelMessage.take(from: &buffer) {
                        switch message {
                        case .lines(let lines):
                            context.log.adopt(lines)
                            result.lastWords.hear(lines)
                            await context.waitForLogRoom()
                        case .progress(let note): context.pulse.progressed(note)
                        case .heartbeat: context.pulse.beat()
                        case .ended(let ending):
                            result.ending = ending
                            return result
                        }
                    }
                } catch {
                    result.isDamaged = true
                    return result
                }
                // Others have lines, too.
                await Task.yield()
            case .some(false):
                if isStopped { return result }
                if await watch.ready() == .stopped { isStopped = true }
            case nil: return result
            }
        }
    }

    /// Whether there was something to read now; `nil` at the end.
    private func read(into buffer: inout [UInt8]) -> Bool? {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { space in
            while true {
                let count = Glibc.read(channel.number, space.baseAddress, space.count)
                if count > 0 {
                    buffer.append(contentsOf: space.prefix(count))
                    return true
                }
                if count < 0, errno == EINTR { continue }
                return count < 0 && errno == EAGAIN ? false : nil
            }
        }
    }
}
