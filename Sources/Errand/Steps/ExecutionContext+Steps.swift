// Steps as a handler writes them: what has been done once is not done again by a later execution.

import FoundationEssentials
import Logging

extension ExecutionContext {
    /// Runs `body` once for the job: its result is recorded, durably, before this returns, and a later execution of the job (a retry, or
    /// one after a crash) gets the recorded result instead of running it again.
    ///
    /// ```swift
    /// Handler(Order.self) { order, context in
    ///     let payment = try await context.step("charge") { try await charge(order) }
    ///     let parcel = try await context.step("ship") { try await ship(order, payment) }
    ///     try await context.step("tell") { try await mail(order.customer, parcel) }
    /// }
    /// ```
    /// A worker that dies between the end of `body` and the commit runs it again: once more for each such death, never otherwise. So what
    /// `body` does elsewhere should bear a repetition, or carry a key of its own (``executionID``'s job and the step's name).
    /// - Parameters:
    ///   - name: Unique within the job: 1 to 200 bytes. In a loop it holds the element's ID.
    ///   - body: The work. Its log lines carry `step`.
    /// - Returns: What `body` has returned now or in an earlier execution; at most 256 KiB of JSON, 16 MiB for all steps of a job.
    /// - Throws: ``StepError``, and what `body` throws: then nothing is recorded, and the next execution runs it again.
    public func step<Output: Codable & Sendable>(
        _ name: String, _ body: nonisolated(nonsending) () async throws -> Output
    ) async throws -> Output {
        let ledger = try stepLedger()
        if let known = try await ledger.begin(name, isCursor: false) {
            log(skipped: known)
            return try ExecutionContext.decode(Output.self, known)
        }
        do {
            let output = try await with(metadata: ["step": "\(name)"], body)
            try await ledger.record(
                RecordedStep(
                    name: name, isCursor: false, result: try ExecutionContext.encode(output, for: name), execution: executionID))
            heartbeat()
            return output
        } catch {
            // Whoever catches this may try the step again.
            ledger.abandon(name)
            throw error
        }
    }

    /// Runs `body` once for the job, as ``step(_:_:)-(_,()->Output)`` does, where it has no result.
    /// - Throws: ``StepError``, and what `body` throws.
    public func step(_ name: String, _ body: nonisolated(nonsending) () async throws -> Void) async throws {
        _ = try await step(name) { () async throws -> Done in
            try await body()
            return Done()
        }
    }

    /// A position that survives: what a long iteration has saved last, in this or an earlier execution of the job.
    ///
    /// ```swift
    /// var cursor = try await context.cursor("rows", startingAt: 0)
    /// for try await row in rows(after: cursor.value) {
    ///     try await handle(row)
    ///     if row.id.isMultiple(of: 100) { try await cursor.save(row.id) }
    /// }
    /// ```
    /// - Parameters:
    ///   - name: Unique within the job, among steps too: 1 to 200 bytes.
    ///   - start: The value before anything was saved.
    /// - Throws: ``StepError``.
    public func cursor<Value: Codable & Sendable>(_ name: String, startingAt start: Value) async throws -> StepCursor<Value> {
        let ledger = try stepLedger()
        let known = try await ledger.begin(name, isCursor: true)
        let value = try known.map { try ExecutionContext.decode(Value.self, $0) } ?? start
        return StepCursor(name: name, value: value, execution: executionID, ledger: ledger)
    }

    private func stepLedger() throws -> any StepLedger {
        guard let steps else { throw StepError.noWorker }
        return steps
    }

    private func log(skipped step: RecordedStep) {
        logger.info("step \"\(step.name)\" was completed by \(step.execution): not run again", metadata: ["step": "\(step.name)"])
    }

    fileprivate static func encode(_ value: some Encodable, for name: String) throws -> [UInt8] {
        let bytes: [UInt8]
        do {
            bytes = Array(try JSONEncoder().encode(value))
        } catch {
            throw StepError.notEncodable(name: name, reason: "\(error)")
        }
        guard bytes.count <= StepRules.resultBytes else { throw StepError.tooLarge(name: name, bytes: bytes.count) }
        return bytes
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ step: RecordedStep) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(step.result))
        } catch {
            throw StepError.notDecodable(name: step.name, execution: step.execution, reason: "\(error)")
        }
    }

    /// The result of a step without one.
    private struct Done: Codable, Sendable {}
}

/// A position in a long iteration that survives the execution: ``ExecutionContext/cursor(_:startingAt:)``.
public struct StepCursor<Value: Codable & Sendable>: Sendable {
    /// What it is known by within its job.
    public let name: String
    /// What was saved last, or the start.
    public private(set) var value: Value
    private let execution: ExecutionID
    private let ledger: any StepLedger

    init(name: String, value: Value, execution: ExecutionID, ledger: any StepLedger) {
        self.name = name
        self.value = value
        self.execution = execution
        self.ledger = ledger
    }

    /// Saves `value`, durably: the next execution goes on from there. Each call is a commit of its own, so save every hundredth element or
    /// once in a while rather than each, and let the work between two saves bear a repetition.
    /// - Throws: ``StepError``; the value saved before stays.
    public mutating func save(_ value: Value) async throws {
        try await ledger.record(
            RecordedStep(
                name: name, isCursor: true, result: try ExecutionContext.encode(value, for: name), execution: execution))
        self.value = value
    }
}
