import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { parseXml, XmlElement } from '@rgrove/parse-xml'
import fc from 'fast-check'
import type { Log } from 'sarif'
import { proof } from '../proof.fixture.ts'
import type { Proof } from '../proof.ts'
import { proofsAsGithub } from './github.ts'
import { proofsAsJunit } from './junit.ts'
import type { ProofsOfSystem } from './proofs-of-system.ts'
import { proofsAsSarif } from './sarif.ts'

const ofShop = (...proofs: Proof[]): ProofsOfSystem => ({
  system: 'shop',
  proofs,
  placeOf: () => ({ file: 'systems/shop/plan: 1.ts', line: 12, column: 5 }),
})
const stale: Proof = { ...proof('Serves within 2h', 'It did, once'), verdict: 'stale' }
const mixed = ofShop(
  proof('Serves within 4h', 'It did'),
  proof('Loses no row', '3 rows are missing', 'refuted'),
  proof('Serves within 1h', 'There is too little data', 'inconclusive'),
  stale,
)

/** Whatever a plan or a measurement may say, characters that no format takes as they are among it. */
const anyText = fc.string({ unit: 'binary', maxLength: 60 })
const anyProof = fc
  .tuple(anyText, anyText, fc.constantFrom('proven', 'refuted', 'inconclusive'), anyText)
  .map(([claim, reason, verdict, source]) => proof(claim, reason, verdict, source))

suite('proofs as SARIF', () => {
  const runsOf = (...systems: ProofsOfSystem[]) => {
    const log: Log = JSON.parse(proofsAsSarif(systems, '1.2.3'))
    assert.equal(log.version, '2.1.0')
    return log.runs
  }

  test('are a run a system, a result a promise, at the line that makes it', () => {
    const [run, other] = runsOf(mixed, { ...ofShop(), system: 'bank' })
    assert.deepEqual(
      run?.results?.map(({ kind, level }) => [kind, level]),
      [
        ['pass', 'none'],
        ['fail', 'error'],
        ['fail', 'warning'],
        ['fail', 'warning'],
      ],
    )
    const refuted = run?.results?.[1]
    assert.equal(refuted?.ruleId, 'recovery/database/time')
    assert.equal(refuted?.message.text, 'Loses no row (OPS-1 §2)\n3 rows are missing\nNext: Restore it again')
    const place = refuted?.locations?.[0]?.physicalLocation
    assert.equal(place?.artifactLocation?.uri, 'systems/shop/plan:%201.ts')
    assert.deepEqual(place?.region, { startLine: 12, startColumn: 5 })
    assert.equal(run?.tool.driver.semanticVersion, '1.2.3')
    assert.deepEqual(other?.results, [])
  })

  test('name for every result the rule it is about', () => {
    const [run] = runsOf(mixed)
    const rules = run?.tool.driver.rules ?? []
    for (const { ruleId, ruleIndex } of run?.results ?? []) assert.equal(rules[ruleIndex ?? -1]?.id, ruleId)
  })
})

suite('proofs as JUnit', () => {
  const elementsOf = (text: string, name: string): XmlElement[] => {
    const within = (element: XmlElement): XmlElement[] =>
      element.children.flatMap((child) => (child instanceof XmlElement ? [child, ...within(child)] : []))
    const { root } = parseXml(text)
    return root === null ? [] : within(root).filter((element) => element.name === name)
  }

  test('count refuted ones as failures and what could not be judged as errors', () => {
    const text = proofsAsJunit([mixed])
    const [suiteElement] = elementsOf(text, 'testsuite')
    assert.equal(suiteElement?.attributes['tests'], '4')
    assert.equal(suiteElement?.attributes['failures'], '1')
    assert.equal(suiteElement?.attributes['errors'], '2')
    assert.equal(elementsOf(text, 'failure')[0]?.attributes['message'], '3 rows are missing')
    assert.equal(elementsOf(text, 'testcase')[0]?.attributes['line'], '12')
  })

  test('are well-formed whatever they say, and say it', () => {
    fc.assert(
      fc.property(anyProof, (each) => {
        const text = proofsAsJunit([ofShop(each)])
        assert.equal(elementsOf(text, 'testcase').length, 1)
        const [failure] = [...elementsOf(text, 'failure'), ...elementsOf(text, 'error')]
        assert.equal(failure === undefined, each.verdict === 'proven')
        const said = each.evidence?.reason ?? ''
        // Only what XML cannot hold is replaced.
        if (failure && /^[\t\n\r -~]*$/.test(said)) assert.equal(failure.attributes['message'], said)
      }),
      { seed: 3, numRuns: 300 },
    )
  })
})

suite('proofs as commands of GitHub Actions', () => {
  test('mark each that is not proven, and count the rest', () => {
    assert.deepEqual(proofsAsGithub([mixed]).split('\n').slice(0, 1), [
      '::error file=systems/shop/plan%3A 1.ts,line=12,col=5,title=shop%3A recovery/database/time refuted::Loses no row (OPS-1 §2)%0A3 rows are missing%0ANext: Restore it again',
    ])
    assert.match(proofsAsGithub([mixed]), /\n::warning .*\n::warning .*\nshop: 1 of 4 promises proven\.\n$/)
  })

  test('are a line each, so that nothing that is said becomes a command of its own', () => {
    fc.assert(
      fc.property(fc.array(anyProof, { maxLength: 4 }), (proofs) => {
        const lines = proofsAsGithub([ofShop(...proofs)]).split(/\r\n|\r|\n/)
        assert.equal(lines.length, proofs.filter(({ verdict }) => verdict !== 'proven').length + 2)
      }),
      { seed: 5, numRuns: 300 },
    )
  })
})
