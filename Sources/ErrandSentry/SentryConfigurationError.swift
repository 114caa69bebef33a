// What can be wrong with the settings of error reports.

#if Web
/// Why reports cannot be sent with these settings. The texts hold neither the key nor the secret of a DSN.
@nonexhaustive public enum SentryConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The DSN is not one; the text says where.
    case dsn(reason: String)
    /// An option has a value that servers refuse.
    case option(name: String, reason: String)

    /// What is wrong, then what it should look like.
    public var description: String {
        switch self {
        case .dsn(let reason):
            "the Sentry DSN cannot be used: \(reason). A DSN looks like https://KEY@HOST/PROJECT; a project's settings show it under Client Keys"
        case .option(let name, let reason): "the Sentry \(name) cannot be used: \(reason)"
        }
    }
}
#endif
