// Where events go and under which key: a DSN, read strictly.

#if Web
/// A Sentry DSN: `{scheme}://{key}[:secret]@{host}[:port]{/prefix}/{project}`.
///
/// Source: https://develop.sentry.dev/sdk/overview/#parsing-the-dsn. Its description and the errors about it hold neither key nor
/// secret.
public struct SentryDSN: Sendable, Hashable {
    /// `http` or `https`.
    public let scheme: String
    /// The public key.
    public let publicKey: String
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    public let host: String
    /// The port; `nil` is the scheme's own.
    public let port: Int?
    /// The path before the project, `""` or one that begins with a slash and does not end in one.
    public let prefix: String
    /// The project's number, in digits.
    public let project: String

    /// Reads a DSN.
    ///
    /// A secret is read and forgotten: servers have not asked for one for years.
    /// - Throws: ``SentryConfigurationError/dsn(reason:)`` when the text is not a whole DSN.
    public init(_ text: String) throws(SentryConfigurationError) {
        func refused(_ reason: String) -> SentryConfigurationError { .dsn(reason: reason) }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw refused("it has spaces or other characters than plain ASCII")
        }
        guard let schemeEnd = text.firstRange(of: "://") else { throw refused("it does not begin with https:// or http://") }
        scheme = text[..<schemeEnd.lowerBound].lowercased()
        guard scheme == "https" || scheme == "http" else { throw refused("its scheme is neither https nor http") }
        let rest = text[schemeEnd.upperBound...]
        guard !rest.contains("?"), !rest.contains("#") else { throw refused("it has a query or a fragment behind the project") }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        guard let at = authority.lastIndex(of: "@") else { throw refused("it has no key: the part before @ is missing") }
        let credentials = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        publicKey = String(credentials[0])
        guard !publicKey.isEmpty, publicKey.utf8.allSatisfy({ $0.isPlainWord || $0 == UInt8(ascii: "-") }) else {
            throw refused("its key must be letters, digits, - and _")
        }
        (host, port) = try SentryDSN.readPlace(authority[authority.index(after: at)...])
        let path = rest[slash...]
        guard let lastSlash = path.lastIndex(of: "/") else { throw refused("it has no project: the path is missing") }
        project = String(path[path.index(after: lastSlash)...])
        guard !project.isEmpty, project.utf8.allSatisfy(\.isDigit) else { throw refused("its path must end in the project's number") }
        prefix = String(path[..<lastSlash])
        guard prefix.isEmpty || !prefix.hasSuffix("/") && !prefix.contains("//") else { throw refused("its path has an empty part") }
    }

    private static func readPlace(_ place: Substring) throws(SentryConfigurationError) -> (host: String, port: Int?) {
        let isAddress = place.first == "["
        guard let hostEnd = isAddress ? place.firstIndex(of: "]").map(place.index(after:)) : place.firstIndex(of: ":") ?? place.endIndex
        else { throw .dsn(reason: "the bracket of its IPv6 address is not closed") }
        let host = place[..<hostEnd]
        let letters = isAddress ? host.dropFirst().dropLast() : host
        guard !letters.isEmpty else { throw .dsn(reason: "it has no host") }
        guard
            letters.utf8.allSatisfy({
                $0.isPlainWord || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") || isAddress && $0 == UInt8(ascii: ":")
            })
        else { throw .dsn(reason: "its host has characters that no host has") }
        let tail = place[hostEnd...]
        guard !tail.isEmpty else { return (String(host), nil) }
        guard tail.first == ":", tail.dropFirst().utf8.allSatisfy(\.isDigit), let port = Int(tail.dropFirst()),
            (1...65535).contains(port)
        else { throw .dsn(reason: "its port is not a number from 1 to 65535") }
        return (String(host), port)
    }

    /// Where envelopes are posted.
    public var envelopeURL: String { "\(scheme)://\(host)\(port.map { ":\($0)" } ?? "")\(prefix)/api/\(project)/envelope/" }
}

extension SentryDSN: CustomStringConvertible {
    /// Where it leads, without the key.
    public var description: String { "\(scheme)://\(host)\(port.map { ":\($0)" } ?? "")\(prefix)/\(project)" }
}

extension UInt8 {
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    /// A letter, a digit or an underscore.
    var isPlainWord: Bool {
        isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || self == UInt8(ascii: "_")
    }
}
#endif
