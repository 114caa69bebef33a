// Terms as they are kept: the quick reader and the decoder agree, and whatever is not for the first is left to the second.

import Errand
import ErrandContext
import FoundationEssentials
import Testing

@Suite struct JobTermsTests {
    private static let texts = ["a", "ada \"l\"", "käse\n", "\\u0041\\", String(repeating: "x", count: 512)]

    @Test(arguments: texts, [true, false])
    func `plain terms are read like a decoder reads them`(text: String, halts: Bool) throws {
        for tags in [[], ["one", "two:3"]] {
            for hasKey in [true, false] {
                var terms = JobTerms()
                terms.tags = tags
                if hasKey { terms.limitKey = text } else { terms.sequence = JobSequence(text, haltsOnDeath: halts) }
                let json = Array(try JSONEncoder().encode(terms))
                #expect(JobTerms(plain: json) == terms)
                #expect(try JSONDecoder().decode(JobTerms.self, from: Data(json)) == terms)
            }
        }
    }

    @Test func `terms with more, and what is no object, are left to the decoder`() throws {
        var timed = JobTerms()
        timed.deadline = Timestamp(microseconds: 7)
        var unique = JobTerms()
        unique.uniqueness = Uniqueness(key: "u")
        for terms in [timed, unique] {
            let json = Array(try JSONEncoder().encode(terms))
            #expect(JobTerms(plain: json) == nil)
            #expect(try JSONDecoder().decode(JobTerms.self, from: Data(json)) == terms)
        }
        for text in ["", "[]", "{", #"{"limit_key":7}"#, #"{"sequence":{"key":"a"}}"#] { #expect(JobTerms(plain: Array(text.utf8)) == nil) }
        #expect(JobTerms(plain: Array("{}".utf8)) == JobTerms())
    }
}
