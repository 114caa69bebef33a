// A queue whose payloads and results are encrypted at rest.

// snippet.show
import Errand
import ErrandCrypto
import ErrandSQLite

// snippet.hide

enum EncryptedQueue {
    static func open(_ directory: String, keyText: [UInt8]) throws -> JobQueue {
        // snippet.show
        let key = try PayloadKey(base64: keyText)
        let store = try SQLiteStore.open(directory: directory).store.encrypted(by: AESCipher(key: key))
        let queue = JobQueue(store: store)
        // snippet.hide
        return queue
    }
}
