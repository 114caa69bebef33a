// A disk on which nothing is safe before its fsync: not bytes, not sizes, not names.

import Foundation

/// What is on disk for certain, and what only the page cache knows.
///
/// The rules are those of POSIX and of Linux's page cache, at their worst: a write, a size or a name that was not synced may be on
/// disk, or not, or (a write) in parts; and after a *failed* sync what was dirty counts as clean although it never arrived, until
/// somebody writes to its page again.
struct Disk {
    /// What becomes of all that is not certain.
    enum Loss: CaseIterable {
        case everything
        case nothing
        /// The last write of each file arrives in parts.
        case lastTorn
        /// Everything has a fate of its own.
        case random
    }

    private enum Change {
        case write(offset: Int, bytes: Range<Int>)
        case truncate(length: Int)
    }

    private struct File {
        var certain: [UInt8] = []
        /// What the processes see.
        var cache: [UInt8] = []
        var pending: [(serial: Int, change: Change)] = []
        /// Pages that a failed sync has left clean and unwritten.
        var stale: Set<Int> = []
    }

    private struct Directory {
        var certain: Set<String> = []
        var pending: [(serial: Int, path: String, exists: Bool)] = []
    }

    private static let page = 4096
    private static let sector = 512

    private let bytes: [UInt8]
    private var files: [String: File] = [:]
    private var directories: [String: Directory]
    /// Where each thread's sync began.
    private var syncs: [Int32: Int] = [:]
    private var serial = 0

    /// A disk with the empty directory `root`, on which `recording` will happen.
    init(root: String, recording: Recording) {
        bytes = recording.bytes
        directories = [root: Directory()]
    }

    // MARK: What happens

    mutating func perform(_ entry: Recording.Entry) {
        serial += 1
        let parent = entry.path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        switch entry.what {
        case .create(let isDirectory):
            directories[parent]?.pending.append((serial, entry.path, true))
            if isDirectory { directories[entry.path] = Directory() } else { files[entry.path] = File() }
        case .unlink: directories[parent]?.pending.append((serial, entry.path, false))
        case .write(let offset, let range):
            files[entry.path]?.pending.append((serial, .write(offset: offset, bytes: range)))
            Disk.put(bytes[range], at: offset, into: &files[entry.path, default: File()].cache)
        case .truncate(let length):
            files[entry.path]?.pending.append((serial, .truncate(length: length)))
            Disk.resize(&files[entry.path, default: File()].cache, to: length)
        case .beginSync: syncs[entry.thread] = serial
        case .endSync: harden(entry.path, until: syncs.removeValue(forKey: entry.thread) ?? 0)
        case .failSync: forget(entry.path)
        case .promise: break
        }
    }

    private mutating func harden(_ path: String, until last: Int) {
        if var directory = directories[path] {
            for name in directory.pending where name.serial <= last {
                if name.exists { directory.certain.insert(name.path) } else { directory.certain.remove(name.path) }
            }
            directory.pending.removeAll { $0.serial <= last }
            directories[path] = directory
        }
        guard var file = files.removeValue(forKey: path) else { return }
        for (serial, change) in file.pending where serial <= last {
            apply(change, to: &file.certain)
            guard case .write(let offset, let range) = change, !file.stale.isEmpty, !range.isEmpty else { continue }
            // A page is written as a whole: this one takes along what an earlier failure has left behind in it.
            for page in offset / Disk.page...(offset + range.count - 1) / Disk.page where file.stale.remove(page) != nil {
                let whole = page * Disk.page..<min((page + 1) * Disk.page, file.cache.count)
                if !whole.isEmpty { Disk.put(file.cache[whole], at: whole.lowerBound, into: &file.certain) }
            }
        }
        file.pending.removeAll { $0.serial <= last }
        files[path] = file
    }

    /// A failed sync: what was dirty is clean now, and lost; sizes are the journal's affair and stay.
    private mutating func forget(_ path: String) {
        guard var file = files.removeValue(forKey: path) else { return }
        for (_, change) in file.pending {
            switch change {
            case .truncate: apply(change, to: &file.certain)
            case .write(let offset, let range):
                guard !range.isEmpty else { continue }
                file.stale.formUnion(offset / Disk.page...(offset + range.count - 1) / Disk.page)
            }
        }
        file.pending = []
        files[path] = file
    }

    // MARK: After the power cut

    /// Writes what a power cut leaves now: below `target` instead of below `root`.
    func leave(_ loss: Loss, using random: inout some RandomNumberGenerator, below root: String, in target: String) throws {
        var isNew = true
        for directory in directories.keys.sorted() {
            guard isNew || FileManager.default.fileExists(atPath: target + directory.dropFirst(root.count)) else { continue }
            isNew = false
            var names = directories[directory]?.certain ?? []
            for name in directories[directory]?.pending ?? [] where arrives(loss, &random) {
                if name.exists { names.insert(name.path) } else { names.remove(name.path) }
            }
            try FileManager.default.createDirectory(
                atPath: target + directory.dropFirst(root.count), withIntermediateDirectories: true)
            for path in names.sorted() {
                let place = target + path.dropFirst(root.count)
                if directories[path] != nil {
                    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                } else if let file = files[path] {
                    try Data(content(of: file, loss, &random)).write(to: URL(fileURLWithPath: place))
                }
            }
        }
    }

    private func arrives(_ loss: Loss, _ random: inout some RandomNumberGenerator) -> Bool {
        switch loss {
        case .everything: false
        case .nothing, .lastTorn: true
        case .random: Bool.random(using: &random)
        }
    }

    private func content(of file: File, _ loss: Loss, _ random: inout some RandomNumberGenerator) -> [UInt8] {
        var content = file.certain
        for (index, (_, change)) in file.pending.enumerated() {
            let isTorn = loss == .lastTorn ? index == file.pending.count - 1 : loss == .random && Int.random(in: 0..<4, using: &random) == 0
            if isTorn, case .write(let offset, let range) = change {
                tear(offset, range, into: &content, &random)
            } else if arrives(loss, &random) {
                apply(change, to: &content)
            }
        }
        return content
    }

    /// Each sector of the write arrives or does not.
    private func tear(_ offset: Int, _ range: Range<Int>, into content: inout [UInt8], _ random: inout some RandomNumberGenerator) {
        var start = offset
        while start < offset + range.count {
            let end = min((start / Disk.sector + 1) * Disk.sector, offset + range.count)
            if Bool.random(using: &random) {
                Disk.put(bytes[range.lowerBound + start - offset..<range.lowerBound + end - offset], at: start, into: &content)
            }
            start = end
        }
    }

    private func apply(_ change: Change, to content: inout [UInt8]) {
        switch change {
        case .write(let offset, let range): Disk.put(bytes[range], at: offset, into: &content)
        case .truncate(let length): Disk.resize(&content, to: length)
        }
    }

    private static func put(_ bytes: ArraySlice<UInt8>, at offset: Int, into content: inout [UInt8]) {
        if content.count < offset + bytes.count { resize(&content, to: offset + bytes.count) }
        content.withUnsafeMutableBytes { content in
            bytes.withUnsafeBytes { content.baseAddress?.advanced(by: offset).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        }
    }

    private static func resize(_ content: inout [UInt8], to length: Int) {
        if length < content.count {
            content.removeSubrange(length...)
        } else {
            content.append(contentsOf: repeatElement(0, count: length - content.count))
        }
    }
}

/// A small generator whose seed is its whole state: the same seed leaves the same disk (SplitMix64, https://prng.di.unimi.it).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
