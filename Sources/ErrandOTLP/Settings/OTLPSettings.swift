// Where spans go, as whom, and how much at once.

#if Web
import ErrandContext
import Errand

/// How an ``OTLPTracer`` records and sends; everything but the endpoint has a default.
public struct OTLPSettings: Sendable, Hashable {
    /// Where spans are posted.
    public var endpoint: OTLPEndpoint
    /// Sent with every request: credentials, for example. None by default.
    public var headers: [String: String] = [:]
    /// Who the spans come from: OpenTelemetry's resource attributes.
    public var resource: [String: String]
    /// Which traces are recorded; all by default.
    public var sampler = OTLPSampler()
    /// How many ended spans may wait before further ones are dropped: 2,048 by default, OpenTelemetry's own.
    public var queueLimit = 2048
    /// How many spans one request holds at most: 512 by default, OpenTelemetry's own.
    public var batchLimit = 512
    /// How long an ended span waits for company: 5 seconds by default, OpenTelemetry's own.
    public var delay: Duration = .seconds(5)
    /// How long one request may take: 10 seconds by default, OpenTelemetry's own.
    public var timeout: Duration = .seconds(10)

    /// Settings for a collector's endpoint, as the service `serviceName`.
    public init(endpoint: OTLPEndpoint, serviceName: String = "errand") {
        self.endpoint = endpoint
        resource = [
            "service.name": serviceName, "service.version": ErrandVersion.current, "host.name": ProcessFacts.hostName,
            "telemetry.sdk.name": "errand", "telemetry.sdk.language": "swift", "telemetry.sdk.version": ErrandVersion.current,
        ]
    }

    /// Settings for a collector's base URL, such as `http://127.0.0.1:4318`.
    /// - Throws: ``OTLPSettingsError`` when that is no `http` or `https` URL.
    public init(endpoint: String, serviceName: String = "errand") throws(OTLPSettingsError) {
        self.init(endpoint: try OTLPEndpoint(base: endpoint), serviceName: serviceName)
    }
}
#endif
