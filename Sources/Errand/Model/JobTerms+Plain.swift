// Reading the terms of most jobs without a decoder: a claim reads them for every job that has any.

extension JobTerms {
    /// Reads terms as ``encode(to:)`` has written them, where they are a limit key, a name, a sequence and tags, or some of these; `nil` where there
    /// is more, which is for a decoder. A tenth of its time.
    package init?(plain json: [UInt8]) {
        guard let members = JSONMembers(object: json[...]) else { return nil }
        self.init()
        for name in members.names {
            switch name {
            case "limit_key":
                guard let text = members.text(name) else { return nil }
                limitKey = text
            case "tags": tags = members.texts(name)
            case "name":
                guard let text = members.text(name) else { return nil }
                self.name = text
            case "sequence":
                guard let raw = members.raw(name), let inner = JSONMembers(object: raw), let key = inner.text("key"),
                    let halts = inner.raw("halts")
                else { return nil }
                sequence = JobSequence(key, haltsOnDeath: halts.elementsEqual("true".utf8))
            default: return nil
            }
        }
    }
}
