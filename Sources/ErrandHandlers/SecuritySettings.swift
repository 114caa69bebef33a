// The `redact` and `encryption` of errand.yaml: which secrets there are, and where keys come from; nothing secret itself.

/// What is taken out of logs, errors and views.
public struct RedactionSettings: Sendable, Hashable {
    /// Names of JSON members, metadata and `meta` whose values are secrets; `*` stands for any characters.
    public var keys: [String] = []
    /// Variables of the worker's environment, or of a kind's `env`, whose values are secrets wherever they stand. Their names count as
    /// ``keys`` too.
    public var environment: [String] = []
}

/// Which keys encrypt payloads and results at rest.
public struct EncryptionSettings: Sendable, Hashable {
    /// Where a key is read from: 32 random bytes in Base64, as `openssl rand -base64 32` makes them.
    public enum Source: Sendable, Hashable {
        /// A file; relative ones start at the configuration file.
        case file(String)
        /// A variable of the environment.
        case environment(String)
    }

    /// A key's place, and where the file says so.
    public struct Key: Sendable, Hashable {
        /// Where it is.
        public var source: Source
        /// The line in the configuration file, from 1.
        public var line: Int
        /// The column in it, from 1.
        public var column: Int
    }

    /// The key that encrypts.
    public var key: Key
    /// Keys that only decrypt what was encrypted earlier.
    public var older: [Key] = []
}
