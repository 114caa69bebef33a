// OpenTelemetry's variables of the environment.

#if Web
import ErrandContext

extension OTLPSettings {
    /// Settings from OpenTelemetry's variables, or `nil` when they name no endpoint or switch traces off.
    ///
    /// Read are `OTEL_EXPORTER_OTLP_ENDPOINT`, `…_HEADERS` and `…_PROTOCOL` (each also as `OTEL_EXPORTER_OTLP_TRACES_…`, which wins),
    /// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`, and the switches
    /// `OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none`. An empty variable counts as absent.
    /// Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    /// - Parameters:
    ///   - environment: The variables.
    ///   - endpoint: A base URL that wins over the environment's endpoint, protocol and switches; `nil` leaves it to them.
    ///   - serviceName: The service's name where the environment gives none.
    /// - Throws: ``OTLPSettingsError`` for a value that cannot be used.
    public static func environment(
        _ environment: [String: String], endpoint: String? = nil, serviceName: String = "errand"
    ) throws(OTLPSettingsError) -> OTLPSettings? {
        let variables = Variables(values: environment.filter { !$0.value.isEmpty })
        let target: OTLPEndpoint
        if let endpoint {
            target = try OTLPEndpoint(base: endpoint)
        } else {
            guard !variables.switchesOff, let found = try variables.endpoint() else { return nil }
            target = found
        }
        var settings = OTLPSettings(endpoint: target, serviceName: serviceName)
        settings.headers = try variables.headers()
        settings.sampler = try variables.sampler()
        settings.resource.merge(try variables.resource()) { _, given in given }
        return settings
    }
}

/// The variables that are set.
private struct Variables {
    let values: [String: String]

    var switchesOff: Bool { values["OTEL_SDK_DISABLED"]?.lowercased() == "true" || values["OTEL_TRACES_EXPORTER"] == "none" }

    func endpoint() throws(OTLPSettingsError) -> OTLPEndpoint? {
        let (own, common) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
        guard let name = [own, common].first(where: { values[$0] != nil }), let text = values[name] else { return nil }
        if let (name, word) = first("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"), word != "http/protobuf" {
            throw .environment(
                variable: name,
                reason: "\"\(word)\" is not spoken here: send to an endpoint for http/protobuf, port 4318 by custom, with --otlp")
        }
        do {
            return name == own ? try OTLPEndpoint(traces: text) : try OTLPEndpoint(base: text)
        } catch {
            throw .environment(variable: name, reason: error.description)
        }
    }

    func headers() throws(OTLPSettingsError) -> [String: String] {
        guard let (name, text) = first("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS") else { return [:] }
        let headers = try pairs(text, in: name)
        for (key, value) in headers {
            // RFC 9110, 5.1 and 5.5: what is not of this form could end the header and begin another.
            let isName = !key.isEmpty && key.utf8.allSatisfy { Variables.isTokenByte($0) }
            guard isName, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw .environment(
                    variable: name, reason: "\"\(key)\" is no header: write name=value,name=value, special characters as %20")
            }
        }
        return headers
    }

    func resource() throws(OTLPSettingsError) -> [String: String] {
        var resource: [String: String] = [:]
        if let text = values["OTEL_RESOURCE_ATTRIBUTES"] { resource = try pairs(text, in: "OTEL_RESOURCE_ATTRIBUTES") }
        if let name = values["OTEL_SERVICE_NAME"] { resource["service.name"] = name }
        return resource
    }

    func sampler() throws(OTLPSettingsError) -> OTLPSampler {
        switch values["OTEL_TRACES_SAMPLER"] {
        case nil, "parentbased_always_on": OTLPSampler()
        case "always_on": OTLPSampler(ratio: 1, followsParent: false)
        case "always_off": OTLPSampler(ratio: 0, followsParent: false)
        case "parentbased_always_off": OTLPSampler(ratio: 0)
        case "traceidratio": OTLPSampler(ratio: try ratio(), followsParent: false)
        case "parentbased_traceidratio": OTLPSampler(ratio: try ratio())
        case let word?:
            throw .environment(
                variable: "OTEL_TRACES_SAMPLER",
                reason: "\"\(word)\" is not known here: write always_on, always_off or traceidratio, each also with parentbased_ before it")
        }
    }

    private func ratio() throws(OTLPSettingsError) -> Double {
        guard let text = values["OTEL_TRACES_SAMPLER_ARG"] else { return 1 }
        guard let ratio = Double(text), (0...1).contains(ratio) else {
            throw .environment(variable: "OTEL_TRACES_SAMPLER_ARG", reason: "\"\(text)\" is no share: write a number from 0 to 1")
        }
        return ratio
    }

    private func first(_ names: String...) -> (name: String, value: String)? {
        names.lazy.compactMap { name in values[name].map { (name, $0) } }.first
    }

    /// `key=value,key=value`, values percent-encoded.
    private func pairs(_ text: String, in variable: String) throws(OTLPSettingsError) -> [String: String] {
        var pairs: [String: String] = [:]
        for member in text.split(separator: ",") {
            let parts = member.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { Variables.trimmed($0) }
            guard parts.count == 2, !parts[0].isEmpty, let value = Variables.decoded(parts[1]) else {
                throw .environment(variable: variable, reason: "\"\(member)\" is no pair: write name=value,name=value, a comma as %2C")
            }
            pairs[parts[0]] = value
        }
        return pairs
    }

    private static func trimmed(_ text: Substring) -> String {
        let tail = text.drop { $0 == " " || $0 == "\t" }
        guard let last = tail.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return String(tail[...last])
    }

    /// `text` with `%20` and the like resolved; `nil` when a percent sign begins nothing, or the bytes are no UTF-8.
    private static func decoded(_ text: String) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
#endif
