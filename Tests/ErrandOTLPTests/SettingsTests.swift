// Where spans go: URLs, variables, samplers.

#if Web
import ErrandContext
import Testing

@testable import ErrandOTLP

@Suite struct SettingsTests {
    @Test(arguments: [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"), ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
        ("https://collector.example/otlp", "https://collector.example/otlp/v1/traces"),
        ("https://collector.example/otlp//", "https://collector.example/otlp/v1/traces"),
        ("http://h/v1/traces", "http://h/v1/traces"), ("http://h:1/a/v1/traces/", "http://h:1/a/v1/traces"),
        ("HTTP://Host.Example", "http://Host.Example/v1/traces"), ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
        ("http://[::1]", "http://[::1]/v1/traces"),
    ])
    func `a base URL gets the path of traces`(text: String, url: String) throws {
        #expect(try OTLPEndpoint(base: text).url == url)
    }

    @Test(arguments: [
        ("http://h:4318/any/path", "http://h:4318/any/path"), ("http://h", "http://h/"), ("http://h/v1/traces", "http://h/v1/traces"),
    ])
    func `a URL for traces alone is taken as it is`(text: String, url: String) throws {
        #expect(try OTLPEndpoint(traces: text).url == url)
    }

    @Test(arguments: [
        "", "collector:4318", "localhost", "ftp://h", "http://", "http:///v1/traces", "http://:4318", "http://h:", "http://h:0",
        "http://h:65536",
        "http://h:+1", "http://h:x", "http://a b", "http://h/a b", "http://h/\n", "http://é", "http://user:secret@h", "http://h?a=b",
        "http://h#x",
        "http://[::1", "http://[]:1", "http://[g::1]", "http://h\"",
    ])
    func `a text that is no URL to post to is refused`(text: String) {
        #expect(throws: OTLPSettingsError.self) { try OTLPEndpoint(base: text) }
        #expect(throws: OTLPSettingsError.self) { try OTLPEndpoint(traces: text) }
    }

    @Test func `credentials in a URL are not repeated in the refusal`() throws {
        let error = try #require(throws: OTLPSettingsError.self) { try OTLPEndpoint(base: "http://user:hunter2@h") }
        #expect(!error.description.contains("hunter2"))
    }

    @Test func `without an endpoint, or switched off, there are no settings`() throws {
        #expect(try OTLPSettings.environment([:]) == nil)
        #expect(try OTLPSettings.environment(["OTEL_EXPORTER_OTLP_ENDPOINT": ""]) == nil)
        let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://h"]
        #expect(try OTLPSettings.environment(endpoint) != nil)
        #expect(try OTLPSettings.environment(endpoint.merging(["OTEL_SDK_DISABLED": "TRUE"]) { $1 }) == nil)
        #expect(try OTLPSettings.environment(endpoint.merging(["OTEL_TRACES_EXPORTER": "none"]) { $1 }) == nil)
        #expect(try OTLPSettings.environment(["OTEL_SDK_DISABLED": "true"], endpoint: "http://h") != nil, "what is asked for by name wins")
    }

    @Test func `the variables of traces win over the common ones, and a given endpoint over both`() throws {
        let variables = [
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://common", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://own/path",
            "OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "b=2", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
        ]
        let own = try #require(try OTLPSettings.environment(variables))
        #expect(own.endpoint.url == "http://own/path")
        #expect(own.headers == ["b": "2"])
        #expect(try OTLPSettings.environment(variables, endpoint: "http://flag")?.endpoint.url == "http://flag/v1/traces")
    }

    @Test func `headers and resource attributes are percent-decoded pairs`() throws {
        let settings = try #require(
            try OTLPSettings.environment([
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_EXPORTER_OTLP_HEADERS": " authorization = Bearer%20a%2Cb , x-y=é=1",
                "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=other,host.name=mine",
                "OTEL_SERVICE_NAME": "payments",
            ]))
        #expect(settings.headers == ["authorization": "Bearer a,b", "x-y": "é=1"])
        #expect(settings.resource["deployment.environment.name"] == "test")
        #expect(settings.resource["service.name"] == "payments")
        #expect(settings.resource["host.name"] == "mine")
        #expect(settings.resource["telemetry.sdk.language"] == "swift")
        #expect(try OTLPSettings(endpoint: "http://h").resource["service.name"] == "errand")
    }

    @Test(arguments: [
        ("OTEL_EXPORTER_OTLP_HEADERS", "novalue"), ("OTEL_EXPORTER_OTLP_HEADERS", "a b=1"), ("OTEL_EXPORTER_OTLP_HEADERS", "a=%0d%0ax:1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%2"), ("OTEL_EXPORTER_OTLP_HEADERS", "a=%ff"), ("OTEL_RESOURCE_ATTRIBUTES", "=x"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
    ])
    func `a value that cannot be used names its variable`(variable: String, value: String) throws {
        let variables = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://h"].merging([variable: value]) { $1 }
        let error = try #require(throws: OTLPSettingsError.self) { try OTLPSettings.environment(variables) }
        #expect(error.description.hasPrefix("\(variable): "))
    }

    @Test(
        arguments: [
            ("", nil, OTLPSampler()), ("always_on", nil, OTLPSampler(ratio: 1, followsParent: false)),
            ("always_off", nil, OTLPSampler(ratio: 0, followsParent: false)), ("parentbased_always_off", nil, OTLPSampler(ratio: 0)),
            ("parentbased_traceidratio", "0.25", OTLPSampler(ratio: 0.25)),
            ("traceidratio", "0.5", OTLPSampler(ratio: 0.5, followsParent: false)),
            ("traceidratio", nil, OTLPSampler(ratio: 1, followsParent: false)),
        ] as [(String, String?, OTLPSampler)])
    func `the sampler is the one that the environment names`(name: String, argument: String?, sampler: OTLPSampler) throws {
        var variables = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_TRACES_SAMPLER": name]
        variables["OTEL_TRACES_SAMPLER_ARG"] = argument
        #expect(try OTLPSettings.environment(variables)?.sampler == sampler)
    }

    @Test func `a ratio records that share of the traces, and the caller's decision stands`() {
        let sampler = OTLPSampler(ratio: 0.25)
        let sampled = (0..<4000).count { _ in sampler.isSampled(traceID: SpanIDs.trace(), parent: nil) }
        #expect((800...1200).contains(sampled), "\(sampled) of 4000")
        let high = "ffffffffffffffff" + "ffffffffffffffff"
        let low = "ffffffffffffffff" + "3fffffffffffffff"
        #expect(!sampler.isSampled(traceID: high, parent: nil) && sampler.isSampled(traceID: low, parent: nil))
        for flag in [true, false] {
            let parent = TraceContext(traceID: high, spanID: "00f067aa0ba902b7", isSampled: flag)
            #expect(sampler.isSampled(traceID: high, parent: parent) == flag)
            #expect(!OTLPSampler(ratio: 0.25, followsParent: false).isSampled(traceID: high, parent: parent))
        }
        #expect(!OTLPSampler(ratio: 0).isSampled(traceID: "00000000000000010000000000000000", parent: nil))
    }
}
#endif
