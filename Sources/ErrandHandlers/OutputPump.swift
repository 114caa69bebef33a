// Carries what a command prints into its execution's log, line by line, as it happens.

import Errand
import Glibc
import Logging

/// Reads one output stream of a command and files its lines. Runs on ``EventLoop/output``.
struct OutputPump: Sendable {
    private let descriptor: Descriptor
    private let watch: Watch
    private let stream: LogStream
    private let meter: OutputMeter
    private let context: ExecutionContext

    /// Will read `descriptor` for `context`.
    init(_ descriptor: Descriptor, stream: LogStream, meter: OutputMeter, for context: ExecutionContext) {
        self.descriptor = descriptor
        self.meter = meter
        self.stream = stream
        self.context = context
        watch = Watch(descriptor, on: .output)
    }

    /// What a stream leaves behind.
    struct Ending {
        /// The last line that is not blank, for error messages.
        var lastLine: [UInt8] = []
        /// Whether reading was stopped while somebody could still write.
        var isCut = false
    }

    /// Ends ``run()`` after what the pipe holds now.
    func stop() { watch.stop() }

    /// Files lines until the stream ends or ``stop()`` is called.
    func run() async -> Ending {
        var ending = Ending()
        var splitter = LineSplitter(limit: Limits.logLineBytes)
        var afterStop = 0
        var isStopped = false
        reading: while true {
            switch read(into: &splitter) {
            case .lines(let lines, let bytes):
                await file(lines, &ending)
                // What fills the buffer has more to say; what does not has probably said it all for now.
                if isStopped {
                    afterStop += bytes
                    if afterStop > OutputPump.drainLimit { break reading }
                } else if bytes == OutputPump.bufferSize {
                    await Task.yield()
                } else if await watch.ready() == .stopped {
                    isStopped = true
                }
            case .nothingYet:
                if isStopped { break reading }
                if await watch.ready() == .stopped { isStopped = true }
            case .end:
                isStopped = false
                break reading
            }
        }
        ending.isCut = isStopped
        if let last = splitter.finish() { await file([last], &ending) }
        return ending
    }

    /// As much as a pipe holds by default.
    private static let bufferSize = 64 << 10
    /// What is still read after ``stop()``, so that a process that never stops printing is not waited for: 1 MiB.
    private static let drainLimit = 1 << 20
    /// How much may be rendered between two looks at whether the log has room for more.
    private static let roomInterval = 512 << 10

    private enum Chunk {
        case lines([LineSplitter.Line], bytes: Int)
        case nothingYet
        case end
    }

    private func read(into splitter: inout LineSplitter) -> Chunk {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: OutputPump.bufferSize) { buffer in
            while true {
                let count = Glibc.read(descriptor.number, buffer.baseAddress, buffer.count)
                if count > 0 {
                    // What is too much is read all the same, so that a program that is being ended can say goodbye.
                    let kept = meter.take(count)
                    return .lines(splitter.push(UnsafeBufferPointer(rebasing: buffer.prefix(kept))), bytes: count)
                }
                if count < 0, errno == EINTR { continue }
                return count < 0 && errno == EAGAIN ? .nothingYet : .end
            }
        }
    }

    private func file(_ lines: [LineSplitter.Line], _ ending: inout Ending) async {
        var rendered = OutputPump.roomInterval
        for line in lines {
            if rendered >= OutputPump.roomInterval {
                await context.waitForLogRoom()
                await Task.yield()
                rendered = 0
            }
            // Six bytes for each is the worst that escaping makes of them; 200 are the record's other members.
            rendered += line.bytes.count * 6 + 200
            if line.bytes.contains(where: { $0 > 0x20 }) { ending.lastLine = line.bytes }
            if !line.isTruncated, let record = StructuredLine(line.bytes) {
                context.record(line: Array(record.message.utf8), stream: stream, level: record.level, metadata: record.metadata)
                if let fraction = record.progress { context.progress(fraction, record.message) }
            } else {
                // Also for standard error: programs print progress there, and a higher level would be a guess.
                context.record(line: line.bytes, stream: stream, level: .info, isTruncated: line.isTruncated)
            }
        }
    }
}
