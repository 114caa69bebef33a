// Keys and the cipher: what is sealed opens with its key and in its place, and in no other way.

import Crypto
import Errand
import Testing

@testable import ErrandCrypto

@Suite struct CipherTests {
    private let key = PayloadKey.random()
    private let payload = Array("{\"card\":\"4111 1111 1111 1111\"}".utf8)
    private let place = SealedPlace.payload(kind: "charge")

    @Test func `what was sealed opens to the same bytes, whatever they are`() throws {
        let cipher = AESCipher(key: key)
        for bytes in [payload, [], [0], [UInt8](repeating: 7, count: 1 << 20)] {
            let sealed = cipher.seal(bytes, for: place)
            #expect(sealed.keyID == key.id)
            #expect(sealed.bytes.count == bytes.count + 40 && sealed.bytes.count <= bytes.count + SealedBytes.overhead)
            let stored = try #require(SealedBytes(sealed.bytes))
            #expect(try cipher.open(stored, for: place) == bytes)
        }
    }

    @Test func `the same bytes are sealed differently every time`() {
        let cipher = AESCipher(key: key)
        let all = Set((0..<1000).map { _ in cipher.seal(payload, for: place) })
        #expect(all.count == 1000)
    }

    @Test func `a change of any byte is noticed, and nothing comes out`() throws {
        let cipher = AESCipher(key: key)
        let sealed = cipher.seal(payload, for: place)
        for index in sealed.content.indices {
            var changed = sealed
            changed.content[index] ^= 1
            #expect(throws: SealProblem.notAuthentic(keyID: key.id)) { try cipher.open(changed, for: place) }
        }
        for length in 0..<sealed.content.count {
            let cut = SealedBytes(keyID: key.id, content: Array(sealed.content.prefix(length)))
            #expect(throws: SealProblem.notAuthentic(keyID: key.id)) { try cipher.open(cut, for: place) }
        }
    }

    @Test func `what belongs elsewhere does not open here`() {
        let cipher = AESCipher(key: key)
        let places: [SealedPlace] = [
            .payload(kind: "charge"), .payload(kind: "refund"), .result(JobID(rawValue: 1)), .result(JobID(rawValue: 2)),
        ]
        for place in places {
            let sealed = cipher.seal(payload, for: place)
            for other in places where other != place {
                #expect(throws: SealProblem.notAuthentic(keyID: key.id)) { try cipher.open(sealed, for: other) }
            }
        }
    }

    @Test func `after a rotation the old key opens and the new one seals; without the old one its ID is named`() throws {
        let newer = PayloadKey.random()
        let old = AESCipher(key: key).seal(payload, for: place)
        let rotated = AESCipher(key: newer, older: [key])
        #expect(try rotated.open(old, for: place) == payload)
        #expect(rotated.seal(payload, for: place).keyID == newer.id)
        #expect(throws: SealProblem.missingKey(id: key.id)) { try AESCipher(key: newer).open(old, for: place) }
    }

    @Test func `a key that only pretends to have the ID does not open`() throws {
        let other = PayloadKey.random()
        let sealed = SealedBytes(keyID: other.id, content: AESCipher(key: key).seal(payload, for: place).content)
        #expect(throws: SealProblem.notAuthentic(keyID: other.id)) { try AESCipher(key: other).open(sealed, for: place) }
    }

    @Test func `fingerprints recognise the same kind and payload under any key, and tell nobody else`() {
        let newer = PayloadKey.random()
        let before = AESCipher(key: key).fingerprints(kind: "charge", payload: payload)
        let after = AESCipher(key: newer, older: [key]).fingerprints(kind: "charge", payload: payload)
        #expect(after.contains(before[0]))
        #expect(after[0] != before[0])
        #expect(!AESCipher(key: newer).fingerprints(kind: "charge", payload: payload).contains(before[0]))
        #expect(AESCipher(key: key).fingerprints(kind: "charg", payload: [UInt8(ascii: "e")] + payload)[0] != before[0])
        // The one that is kept is no plain digest, which a guessed payload could be compared with.
        #expect(before[0] != Array(SHA256.hash(data: Array("charge".utf8) + [0] + payload)))
    }

    // MARK: Keys

    @Test func `a key has the same ID wherever it is read, with white space around it too`() throws {
        let text = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="
        let one = try PayloadKey(base64: Array(text.utf8))
        let two = try PayloadKey(base64: Array(" \(text)\r\n".utf8))
        // Fixed for ever: stores name keys by it.
        #expect(one.id == two.id && one.id.utf8.count == 8)
        #expect(one.id == "58625358")
        #expect(PayloadKey.random().id != one.id)
    }

    @Test(arguments: ["", " \n", "c2hvcnQ=", "not base64!", "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8B"])
    func `what is no key is refused without repeating it`(_ text: String) {
        do {
            _ = try PayloadKey(base64: Array(text.utf8))
            Issue.record("it was taken as a key")
        } catch {
            #expect(error.description.contains("openssl rand -base64 32"))
            #expect(text.count < 5 || !error.description.contains(text))
        }
    }

    @Test(arguments: ["", "{}", "[1]", "7", "\u{FE}ES"]) func `no JSON text is taken for sealed bytes`(_ text: String) {
        #expect(SealedBytes(Array(text.utf8)) == nil)
    }

    @Test func `an envelope that was cut or that a later version made is sealed, and no key opens it`() throws {
        let key = PayloadKey.random()
        let cipher = AESCipher(key: key)
        let whole = cipher.seal(Array("{}".utf8), for: .payload(kind: "charge")).bytes
        var later = whole
        later[3] = 2
        for bytes in (1..<whole.count).map({ Array(whole.prefix($0)) }) + [later] {
            let sealed = try #require(SealedBytes(bytes), "\(bytes.count) bytes")
            #expect(throws: SealProblem.self) { try cipher.open(sealed, for: .payload(kind: "charge")) }
        }
    }
}
