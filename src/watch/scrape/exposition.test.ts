import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { ExpositionError, expositionReader, usualLimits } from './exposition.ts'

const read = (text: string) => expositionReader(usualLimits)(text)
const refused = (text: string, problem: RegExp, limits = usualLimits) =>
  assert.throws(
    () => expositionReader(limits)(text),
    (error) => error instanceof ExpositionError && problem.test(error.message) && !error.message.includes('secret'),
  )

describe('text format', () => {
  test('is read as Prometheus documents it', () => {
    const text = `# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total { method = "post" , code="400", } 3

msdos{path="C:\\\\DIR\\\\F.TXT",error="not\\n\\"found\\"",empty=""} 1.458255915e9
plain 12.47
something_weird{problem="division by } zero"} +Inf -3982045
none NaN
`
    assert.deepEqual(read(text), [
      { labels: { __name__: 'http_requests_total', method: 'post', code: '200' }, value: 1027 },
      { labels: { __name__: 'http_requests_total', method: 'post', code: '400' }, value: 3 },
      { labels: { __name__: 'msdos', path: 'C:\\DIR\\F.TXT', error: 'not\n"found"' }, value: 1458255915 },
      { labels: { __name__: 'plain' }, value: 12.47 },
      { labels: { __name__: 'something_weird', problem: 'division by } zero' }, value: Infinity },
      { labels: { __name__: 'none' }, value: Number.NaN },
    ])
  })

  test('what prom-client writes comes back, whatever the values of labels', async () => {
    const samples = fc.uniqueArray(fc.tuple(fc.string(), fc.double()), { selector: ([text]) => text, minLength: 1 })
    await fc.assert(
      fc.asyncProperty(samples, async (samples) => {
        const registry = new Registry()
        const gauge = new Gauge({ name: 'g', help: 'h', labelNames: ['l'], registers: [registry] })
        for (const [l, value] of samples) gauge.set({ l }, value)
        const found = new Map(read(await registry.metrics()).map(({ labels, value }) => [labels['l'] ?? '', value]))
        assert.equal(found.size, samples.length)
        for (const [l, value] of samples) assert.equal(found.get(l), value === 0 ? 0 : value)
      }),
      { numRuns: 50 },
    )
    const registry = new Registry()
    new Histogram({ name: 'h', help: 'h', buckets: [1, 2], registers: [registry] }).observe(1.5)
    new Counter({ name: 'c', help: 'h', registers: [registry] }).inc()
    assert.equal(read(await registry.metrics()).length, 6)
  })

  test('one broken line refuses the whole, by its number and without its text', () => {
    refused('a 1\nsecret', /line 2: there is no value/)
    refused('a{secret="1} 2', /labels do not end/)
    refused('a{b="secret"} zwei', /value is not a number/)
    refused('a{b="1" secret="2"} 1', /commas/)
    refused('a{b="1",b="secret"} 1', /twice/)
    refused('a{b="secret"} 1\na{b="secret"} 2', /series is there twice/)
    refused('1secret 1', /name cannot be read/)
    refused('a{b=secret} 1', /value of a label cannot be read/)
    refused('a 1 2 secret', /more than a value/)
  })

  test('more than the limits is refused', () => {
    refused('a 1\nb 2', /more than 5 bytes/, { ...usualLimits, bytes: 5 })
    refused('a 1\nb 2', /more than 1 series/, { ...usualLimits, series: 1 })
    refused('a{b="1",c="2"} 1', /more than 1 labels/, { ...usualLimits, labels: 1 })
    refused('a{b="secretsecret"} 1', /longer than 4/, { ...usualLimits, text: 4 })
  })

  test('an unchanged series keeps its labels, so that nothing is read twice', () => {
    const reader = expositionReader(usualLimits)
    assert.equal(reader('a{b="1"} 1')[0]?.labels, reader('a{b="1"} 2')[0]?.labels)
  })
})
