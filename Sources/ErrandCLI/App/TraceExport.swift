// Sends the traces of `work` to a collector, where a flag or the environment names one.

#if Web
import Errand
import ErrandOTLP
import Logging
import Tracing

/// The tracer of a worker process, from its settings to its last flush.
struct TraceExport {
    let tracer: OTLPTracer
    /// Where spans go.
    let endpoint: String

    /// How long a worker that ends waits for the collector.
    private static let deadline: Duration = .seconds(5)

    /// Starts the export that `--otlp`, or else OpenTelemetry's variables, ask for; `nil` when nothing does. A program that has
    /// installed a tracer of its own keeps that one, unless the flag contradicts it.
    /// - Throws: ``Failure`` with status 2 for settings that cannot be used.
    static func start(flag: String?, in session: Session) throws -> TraceExport? {
        guard let settings = try settings(flag: flag, in: session) else { return nil }
        guard !session.hasInstruments() else {
            guard flag == nil else {
                throw Failure(.usage, "--otlp: this program has installed a tracer of its own, which gets its spans: leave the option out")
            }
            return nil
        }
        let tracer = OTLPTracer(settings, clock: session.clock)
        // Handlers' own spans, and those of the libraries that they use, go to the same place.
        session.installTracer(tracer)
        return TraceExport(tracer: tracer, endpoint: settings.endpoint.url)
    }

    /// What the flag, or else OpenTelemetry's variables, say; `nil` when nothing does.
    /// - Throws: ``Failure`` with status 2 for settings that cannot be used.
    static func settings(flag: String?, in session: Session) throws -> OTLPSettings? {
        do {
            return try OTLPSettings.environment(session.environment, endpoint: flag, serviceName: session.program)
        } catch {
            let isAboutFlag = if case .endpoint = error { flag != nil } else { false }
            throw Failure(.usage, isAboutFlag ? "--otlp: \(error)" : "\(error)")
        }
    }

    /// Sends what is left, for 5 seconds at most.
    func finish() async { await tracer.shutdown(within: TraceExport.deadline) }
}
#endif
