// What errand.yaml wants kept secret, made ready: keys are read here and nowhere else.

import Errand
import ErrandCrypto
import ErrandHandlers
import Glibc

/// Redaction and encryption as a verb applies them.
struct SecurityPlan {
    /// What is taken out of logs, errors and views; `nil` is nothing.
    let redaction: Redaction?
    /// What seals payloads and results; `nil` leaves them in the clear.
    let cipher: (any PayloadCipher)?

    /// Reads what `file` asks for.
    /// - Throws: ``Failure`` with status 2 that names the place in the file when a key cannot be read.
    init(_ file: ErrandConfiguration?, in session: Session) throws {
        redaction = file.flatMap { SecurityPlan.redaction($0, session) }
        cipher = try file?.encryption.map { settings in
            AESCipher(
                key: try SecurityPlan.key(settings.key, file?.file ?? "", session),
                older: try settings.older.map { try SecurityPlan.key($0, file?.file ?? "", session) })
        }
    }

    /// What is wrong with the keys that `file` names.
    static func problems(with file: ErrandConfiguration, in session: Session) -> [String] {
        guard let encryption = file.encryption else { return [] }
        return ([encryption.key] + encryption.older).compactMap { key in
            do {
                _ = try SecurityPlan.key(key, file.file, session)
                return nil
            } catch {
                return "\(error)"
            }
        }
    }

    /// `store` as jobs are added to it and run from it.
    func applied(to store: Store) -> Store { cipher.map { store.encrypted(by: $0) } ?? store }

    /// `store` as it may be shown.
    func shown(_ store: Store) -> Store {
        let store = applied(to: store)
        return redaction.map { store.redacted(by: $0) } ?? store
    }

    /// Why a payload should not be added to `store` in the clear: the newest job there is encrypted, and there is no key here, most likely
    /// because another directory's errand.yaml names it. `nil` when it may be. A guard for whoever forgets, not a rule of the store.
    func clearPayloadProblem(in store: Store) async throws -> String? {
        guard cipher == nil, let newest = try await store.inspection.jobs(matching: JobSelector(), before: nil, limit: 1).jobs.first,
            let payload = try await store.inspection.job(newest.id)?.payload, let sealed = SealedBytes(payload)
        else { return nil }
        return """
            nothing was added: the newest job of this store is encrypted with the key \(sealed.keyID), and this command has no key: name the \
            errand.yaml that has it (--config), or store the payload unencrypted with --in-the-clear
            """
    }

    /// Why periodic jobs must not be set: those of the store are encrypted, and what this command has does not open them.
    func periodicPayloadProblem(among entries: [PeriodicEntry]) -> String? {
        guard let sealed = entries.lazy.compactMap({ SealedBytes($0.periodic.job.payload) }).first else { return nil }
        return """
            no periodic job was set: those of this store are encrypted with the key \(sealed.keyID), which is not here: name it under \
            "encryption" in errand.yaml (--config)
            """
    }

    private static func redaction(_ file: ErrandConfiguration, _ session: Session) -> Redaction? {
        let settings = file.redaction
        guard !settings.keys.isEmpty || !settings.environment.isEmpty else { return nil }
        let secrets = settings.environment.flatMap { name in
            [session.environment[name]].compactMap { $0 } + file.handlers.values.compactMap { $0.environment[name] }
        }
        return Redaction(names: settings.keys + settings.environment, secrets: secrets)
    }

    private static func key(_ key: EncryptionSettings.Key, _ file: String, _ session: Session) throws -> PayloadKey {
        func failure(_ message: String) -> Failure { Failure(.usage, "\(file):\(key.line):\(key.column): \(message)") }
        let text: [UInt8]
        switch key.source {
        case .file(let path):
            do {
                text = try session.readFile(path, 4096)
            } catch {
                throw failure("the key cannot be read: \(error)")
            }
        case .environment(let name):
            guard let value = session.environment[name], !value.isEmpty else {
                throw failure("the key is to be in the environment variable \(name), which is not set")
            }
            text = Array(value.utf8)
        }
        do throws(PayloadKey.Problem) {
            return try PayloadKey(base64: text)
        } catch {
            throw failure(error.description)
        }
    }
}
