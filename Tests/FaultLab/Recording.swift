// The record of a run: every call that changed the store, of all processes, in one order, with the promises in between.

import FaultInjector
import Foundation

/// A run on paper.
struct Recording {
    /// One call, or one promise.
    struct Entry {
        enum What {
            case write(offset: Int, bytes: Range<Int>)
            case truncate(length: Int)
            case create(isDirectory: Bool)
            case unlink
            case beginSync
            case endSync
            case failSync
            case promise(Ledger.Line)
        }

        var what: What
        var path: String
        var thread: Int32
    }

    let entries: [Entry]
    /// What all writes wrote, one after the other.
    let bytes: [UInt8]

    struct Unreadable: Error { var text: String }

    /// Reads what `faults_record` wrote.
    init(file: String) throws {
        let data = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        var entries: [Entry] = []
        var position = 0
        let headLength = MemoryLayout<faults_record>.size
        while position < data.count {
            guard position + headLength <= data.count else { throw Unreadable(text: "\(file) ends in a head") }
            let head = data.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: faults_record.self) }
            let path = position + headLength
            let body = path + Int(head.path_length)
            let end = body + Int(head.length)
            guard head.magic == UInt32(FAULTS_MAGIC), end <= data.count else { throw Unreadable(text: "\(file) is cut at \(position)") }
            position = end
            let name = String(decoding: data[path..<body], as: UTF8.self)
            // Doorbells are sockets, which mean nothing after a boot.
            if name.contains("/doorbells/") { continue }
            entries.append(.init(what: try Recording.what(head, data, body..<end), path: name, thread: head.thread))
        }
        self.entries = entries
        bytes = data
    }

    private static func what(_ head: faults_record, _ data: [UInt8], _ body: Range<Int>) throws -> Entry.What {
        switch Int(head.what) {
        case FAULTS_DID_WRITE: return .write(offset: Int(head.offset), bytes: body)
        case FAULTS_DID_TRUNCATE: return .truncate(length: Int(head.offset))
        case FAULTS_DID_CREATE: return .create(isDirectory: !body.isEmpty)
        case FAULTS_DID_UNLINK: return .unlink
        case FAULTS_DID_BEGIN_SYNC: return .beginSync
        case FAULTS_DID_END_SYNC: return .endSync
        case FAULTS_DID_FAIL_SYNC: return .failSync
        case FAULTS_DID_MARK:
            let text = String(decoding: data[body], as: UTF8.self)
            guard let line = Ledger.Line(text) else { throw Unreadable(text: "no promise: \(text)") }
            return .promise(line)
        default: throw Unreadable(text: "an entry of a kind that no replay knows: \(head.what)")
        }
    }
}
