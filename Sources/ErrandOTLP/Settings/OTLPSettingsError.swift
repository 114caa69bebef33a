// What is wrong with settings of the export.

#if Web
/// Why settings cannot be used; the text says what is wrong and what to write instead.
@nonexhaustive public enum OTLPSettingsError: Error, Hashable, Sendable {
    /// The endpoint is no URL to post to.
    case endpoint(String)
    /// A variable of the environment holds a value that it cannot have.
    case environment(variable: String, reason: String)
}

extension OTLPSettingsError: CustomStringConvertible {
    /// What is wrong, then what to write.
    public var description: String {
        switch self {
        case .endpoint(let reason): reason
        case .environment(let variable, let reason): "\(variable): \(reason)"
        }
    }
}
#endif
