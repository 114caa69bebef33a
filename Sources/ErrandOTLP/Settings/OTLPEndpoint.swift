// Where traces are posted: the rules of OTLP for a base URL and for a URL of the signal's own. Pure.

#if Web
/// The URL that spans are posted to.
///
/// Source: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp
public struct OTLPEndpoint: Sendable, Hashable {
    /// The whole URL.
    public let url: String

    /// The endpoint of a collector's base URL, such as `http://127.0.0.1:4318`: `v1/traces` is added, unless it stands there already.
    /// - Throws: ``OTLPSettingsError`` when `base` is no `http` or `https` URL.
    public init(base: String) throws(OTLPSettingsError) {
        let parts = try OTLPEndpoint.parts(of: base)
        var path = parts.path
        while path.hasSuffix("/") { path.removeLast() }
        url = parts.origin + (path.hasSuffix("/v1/traces") ? path : path + "/v1/traces")
    }

    /// The endpoint for traces alone, taken as it is; without a path it is `/`.
    /// - Throws: ``OTLPSettingsError`` when `traces` is no `http` or `https` URL.
    public init(traces: String) throws(OTLPSettingsError) {
        let parts = try OTLPEndpoint.parts(of: traces)
        url = parts.origin + (parts.path.isEmpty ? "/" : parts.path)
    }

    private static func parts(of text: String) throws(OTLPSettingsError) -> (origin: String, path: String) {
        func refused(_ why: String) -> OTLPSettingsError { .endpoint("\"\(text)\" \(why): write http://127.0.0.1:4318, for example") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw refused("holds a character that no URL has") }
        guard let scheme = ["http://", "https://"].first(where: { text.lowercased().hasPrefix($0) }) else {
            throw refused("is neither an http nor an https URL")
        }
        let rest = text.dropFirst(scheme.count)
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else { throw refused("has a query or a fragment") }
        let authority = rest.prefix { $0 != "/" }
        guard !authority.contains("@") else {
            throw .endpoint("the URL holds credentials: put them into OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Bearer%20…")
        }
        let (host, port) = split(authority)
        guard isHost(host) else { throw refused("names no host") }
        if let port {
            guard let number = UInt16(port), number > 0, port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
                throw refused("has no port from 1 to 65535 after the colon")
            }
        }
        return (scheme + authority, String(rest.dropFirst(authority.count)))
    }

    /// Host and port; the colons of an IPv6 address stand between brackets.
    private static func split(_ authority: Substring) -> (host: Substring, port: Substring?) {
        let end = authority.lastIndex(of: "]") ?? authority.startIndex
        guard let colon = authority[end...].lastIndex(of: ":") else { return (authority, nil) }
        return (authority[..<colon], authority[authority.index(after: colon)...])
    }

    private static func isHost(_ host: Substring) -> Bool {
        if host.hasPrefix("[") {
            return host.hasSuffix("]") && host.count > 3 && host.dropFirst().dropLast().allSatisfy { $0.isHexDigit || ":.".contains($0) }
        }
        return !host.isEmpty && host.allSatisfy { $0.isLetter || $0.isNumber || "-._".contains($0) }
    }
}
#endif
