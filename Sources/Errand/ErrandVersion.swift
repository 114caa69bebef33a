// Which Errand this is.

/// The version of this library and command.
public enum ErrandVersion {
    /// Semantic version, https://semver.org.
    public static let current = "0.1.0"
}
