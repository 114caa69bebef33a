// The sockets in doorbells/: who listens to what, and how to reach them.

import CErrand
import Errand
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

extension DoorbellTopic {
    /// The topic's bit in a datagram and letter in a socket's name.
    var mark: (bit: UInt8, letter: Character) {
        switch self {
        case .work: (1, "w")
        case .control: (2, "c")
        case .outcome: (4, "o")
        case .log: (8, "l")
        }
    }
}

extension Set<DoorbellTopic> {
    var bits: UInt8 { reduce(0) { $0 | $1.mark.bit } }

    init(bits: UInt8) { self = Set(DoorbellTopic.allCases.filter { $0.mark.bit & bits != 0 }) }
}

/// The directory of sockets, one for each listening process, named by the topics that it listens to.
final class DoorbellDirectory: Sendable {
    private struct State {
        var sender: Int32 = -1
        var listing: [Entry] = []
        /// The directory's change time that the listing belongs to; `nil` when it cannot be relied on.
        var listedAt: Int64?
        var isClosed = false
    }

    private struct Entry {
        var name: String
        var bits: UInt8
    }

    private let directory: Int32
    private let state = Mutex(State())

    /// A listing read so soon after a change may lack a second change within the same tick of the file system's clock.
    private static let tick: Int64 = 50_000_000

    /// Opens the directory; without it nobody can be reached, and the look at the database has to do.
    init(path: String) {
        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }

    deinit { if directory >= 0 { Glibc.close(directory) } }

    /// Sends `topics` to whoever listens to any of them. Costs one `fstat` when nobody does.
    func ring(_ topics: Set<DoorbellTopic>) {
        let bits = topics.bits
        state.withLock { state in
            guard directory >= 0, !state.isClosed else { return }
            refresh(&state)
            for entry in state.listing where entry.bits & bits != 0 {
                if state.sender < 0 { state.sender = errand_doorbell_sender() }
                guard state.sender >= 0 else { return }
                switch errand_doorbell_ring(state.sender, directory, entry.name, bits) {
                case ECONNREFUSED:
                    // Its process is gone: a live one is bound before its name can be seen.
                    unlinkat(directory, entry.name, 0)
                    state.listedAt = nil
                case ENOENT: state.listedAt = nil
                default: break  // Sent, or its buffer is full of rings that it has yet to hear.
                }
            }
        }
    }

    private func refresh(_ state: inout State) {
        var status = stat()
        guard fstat(directory, &status) == 0 else { return }
        let changed = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        guard state.listedAt != changed else { return }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let isSettled = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec) - changed > DoorbellDirectory.tick
        // A process that is out of files for a moment rings those it knows of, and looks again.
        guard let names = directoryEntries("/proc/self/fd/\(directory)") else { return }
        state.listing = names.compactMap { name in
            guard let dash = name.firstIndex(of: "-") else { return nil }
            let bits = DoorbellTopic.allCases.reduce(UInt8(0)) { name[..<dash].contains($1.mark.letter) ? $0 | $1.mark.bit : $0 }
            return Entry(name: name, bits: bits)
        }
        state.listedAt = isSettled ? changed : nil
    }

    /// A name for a socket that listens to `topics`.
    static func name(_ topics: Set<DoorbellTopic>, suffix: UInt64) -> String {
        String(DoorbellTopic.allCases.filter(topics.contains).map(\.mark.letter)) + "-" + String(suffix, radix: 16)
    }

    /// Binds a socket; `nil` when that cannot be done here.
    func bind(_ name: String) -> Int32? {
        guard directory >= 0 else { return nil }
        let socket = errand_doorbell_open(directory, name)
        return socket >= 0 ? socket : nil
    }

    /// Gives a bound socket another name, since it listens to other topics now.
    func rename(_ name: String, to other: String) { renameat(directory, name, directory, other) }

    /// Takes a socket's name away.
    func remove(_ name: String) { unlinkat(directory, name, 0) }

    /// Rings nobody any more.
    func close() {
        state.withLock { state in
            state.isClosed = true
            if state.sender >= 0 { Glibc.close(state.sender) }
            state.sender = -1
        }
    }
}
