// The names of members in JSON text, found once more in a simpler way than the library does it.

import FoundationEssentials

/// The names within a document that is known to be JSON, unescaped by Foundation.
enum JSONNames {
    /// Whether no object has the same name twice, byte by byte: to `String` é and e with an accent are the same, to JSON they are not.
    static func areUnique(in document: [UInt8]) -> Bool {
        var objects: [Set<[UInt8]>] = []
        var isUnique = true
        walk(document) { token in
            switch token {
            case .open: objects.append([])
            case .close: objects.removeLast()
            case .name(let name):
                if !objects[objects.count - 1].insert(unescaped(name)).inserted { isUnique = false }
            }
        }
        return isUnique
    }

    /// How many members all objects of the document have.
    static func count(in document: [UInt8]) -> Int {
        var count = 0
        walk(document) { if case .name = $0 { count += 1 } }
        return count
    }

    private enum Token {
        case open, close
        case name(ArraySlice<UInt8>)
    }

    private static func walk(_ document: [UInt8], _ visit: (Token) -> Void) {
        var index = 0
        while index < document.count {
            switch document[index] {
            case UInt8(ascii: "{"): visit(.open)
            case UInt8(ascii: "}"): visit(.close)
            case UInt8(ascii: "\""):
                let start = index
                index += 1
                while document[index] != UInt8(ascii: "\"") { index += document[index] == UInt8(ascii: "\\") ? 2 : 1 }
                let next = document[(index + 1)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
                if next == UInt8(ascii: ":") { visit(.name(document[start...index])) }
            default: break
            }
            index += 1
        }
    }

    private static func unescaped(_ token: ArraySlice<UInt8>) -> [UInt8] {
        do {
            return Array(try JSONDecoder().decode(String.self, from: Data(token)).utf8)
        } catch {
            fatalError("Foundation cannot read the name \(shown(Array(token))): \(error)")
        }
    }
}
