// The seam to the database, as an operator of queues uses it: pause, resume, limit, and see what stands.

/// Changes what holds for whole queues and kinds, at run time and for all workers: each change acts on the next claim, and rings for it.
/// What is set stays until it is changed, whoever starts or ends.
public protocol QueueControl: Sendable {
    /// Makes `changes`, all of them or none, in one durable commit; a queue or kind that no job has used yet is taken note of.
    /// - Throws: ``JobStoreError/refused(reason:)`` when one is out of range (``SettingRules``), and what else keeps a store from writing.
    func change(_ scope: LimitScope, _ changes: [SettingChange]) async throws(JobStoreError)

    /// What stands for every queue and every kind that the store knows: queues first, each by name.
    /// - Throws: ``JobStoreError``.
    func settings() async throws(JobStoreError) -> [QueueSettings]
}
