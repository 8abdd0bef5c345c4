import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock, timestamp } from '../clock.ts'
import { exampleEvidence } from '../ledger/evidence.fixture.ts'
import { openLedger } from '../ledger/ledger.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { planText, temporaryProject } from '../project/temporary-project.fixture.ts'
import { readSubjects } from '../prove/subject.ts'
import { commandLine } from './command-line.fixture.ts'
import { currentVerdicts } from './current-verdicts.ts'
import { worstVerdict } from './requirements.ts'

const files = {
  'plan.ts': planText(`  system: 'shop',
  services: {
    api: {
      image: 'shop/api:1',
      promises: {
        health: { claim: 'GET /health answers 200.', requirements: ['SH-1'] },
        order: { claim: 'An order that was confirmed is there afterwards.', requirements: ['SH-1', 'SH-2'] },
      },
    },
  },
  limits: { body: { of: 'a request body', bytes: '1MB', requirements: ['SH-2'] } },`),
  'requirements.yaml': `- id: SH-1
  statement: The shop answers.
  source: Operations §1
- id: SH-2
  statement: Orders are kept and bodies are bounded.
  source: Operations §2
- id: SH-3
  statement: Nothing proves this.
  source: Operations §3
`,
}

/** Puts evidence of a verdict for a guarantee into the ledger of a project; fresh and about the present subject unless told. */
async function prove(
  root: string,
  guarantee: string,
  verdict: 'proven' | 'refuted' | 'inconclusive',
  subject?: string,
) {
  const project = await findProject(root, root)
  const system = await loadSystem(project, 'shop')
  const subjectOf = await readSubjects(system, 'none')
  const promised = (await currentVerdicts(project, system, { clock: systemClock })).find(({ id }) => id === guarantee)
  assert.ok(promised)
  const ledger = openLedger(project.state, systemClock)
  ledger.append(
    exampleEvidence({
      id: `e-${guarantee}-${verdict}`,
      guarantee,
      system: 'shop',
      verdict,
      subjectDigest: subject ?? subjectOf(promised),
      startedAt: timestamp(Date.now()),
      tookMs: 1,
    }),
  )
  ledger.close()
}

async function verdictsOf(root: string): Promise<Record<string, string>> {
  const { out } = await commandLine(root, 'requirements', '--json')
  const listed: { id: string; verdict: string }[] = JSON.parse(out)
  return Object.fromEntries(listed.map(({ id, verdict }) => [id, verdict]))
}

test('without evidence every requirement is unproven, cited or not', async () => {
  await using project = await temporaryProject(files)
  const { code, out } = await commandLine(project.root, 'requirements', '--json')
  assert.equal(code, 0)
  const expected = [
    { id: 'SH-1', coveredBy: ['behaviour/api/health', 'behaviour/api/order'] },
    { id: 'SH-2', coveredBy: ['behaviour/api/order', 'limits/body/exact'] },
    { id: 'SH-3', coveredBy: [] },
  ]
  const listed: { id: string }[] = JSON.parse(out)
  assert.deepEqual(Object.keys(listed[0] ?? {}), ['id', 'statement', 'source', 'coveredBy', 'verdict'])
  for (const [index, wanted] of expected.entries()) {
    assert.partialDeepStrictEqual(listed[index], { ...wanted, verdict: 'unproven' })
  }
})

test('a requirement is as good as the worst of its guarantees', async () => {
  await using project = await temporaryProject(files)
  await prove(project.root, 'behaviour/api/health', 'proven')
  assert.deepEqual(await verdictsOf(project.root), { 'SH-1': 'unproven', 'SH-2': 'unproven', 'SH-3': 'unproven' })
  await prove(project.root, 'behaviour/api/order', 'proven')
  assert.deepEqual(await verdictsOf(project.root), { 'SH-1': 'proven', 'SH-2': 'unproven', 'SH-3': 'unproven' })
  await prove(project.root, 'limits/body/exact', 'refuted')
  assert.deepEqual(await verdictsOf(project.root), { 'SH-1': 'proven', 'SH-2': 'refuted', 'SH-3': 'unproven' })
})

test('evidence about another subject is stale', async () => {
  await using project = await temporaryProject(files)
  await prove(project.root, 'behaviour/api/health', 'proven', 'f'.repeat(64))
  await prove(project.root, 'behaviour/api/order', 'proven')
  assert.equal((await verdictsOf(project.root))['SH-1'], 'stale')
})

test('the order from the worst is refuted, inconclusive, stale, unproven, proven', () => {
  assert.equal(worstVerdict(['proven', 'unproven', 'stale', 'inconclusive', 'refuted']), 'refuted')
  assert.equal(worstVerdict(['proven', 'unproven', 'stale', 'inconclusive']), 'inconclusive')
  assert.equal(worstVerdict(['proven', 'unproven', 'stale']), 'stale')
  assert.equal(worstVerdict(['proven', 'unproven']), 'unproven')
  assert.equal(worstVerdict(['proven']), 'proven')
  assert.equal(worstVerdict([]), 'unproven')
})

test('the table fits 100 columns and counts what nothing covers', async () => {
  await using project = await temporaryProject(files)
  const { out } = await commandLine(project.root, 'requirements')
  assert.match(out, /^SH-1 {2,}unproven {2,}2 {2,}/m)
  assert.match(out, /3 unproven; 1 are cited by no guarantee/)
  assert.ok(out.split('\n').every((line) => line.length <= 100))
})

test('guarantees are listed with their verdicts, as a table and as one array', async () => {
  await using project = await temporaryProject(files)
  await prove(project.root, 'behaviour/api/health', 'proven')
  const table = await commandLine(project.root, 'guarantees')
  assert.match(table.out, /^proven {2,}prove {2,}holds {2,}behaviour\/api\/health$/m)
  assert.match(table.out, /^unproven {2,}no prover yet {2,}holds {2,}limits\/body\/exact$/m)
  assert.match(table.out, /^1 proven, 2 unproven\.$/m)
  assert.ok(table.out.split('\n').every((line) => line.length <= 100))
  const json = await commandLine(project.root, 'guarantees', 'shop', '--only', 'limits', '--json')
  const listed: unknown[] = JSON.parse(json.out)
  assert.equal(listed.length, 1)
  assert.partialDeepStrictEqual(listed[0], {
    id: 'limits/body/exact',
    verdict: 'unproven',
    prover: 'none',
    requirements: ['SH-2'],
  })
})

test('a plan that cannot be read is told, and the place of its state stays empty', async () => {
  await using project = await temporaryProject({ 'plan.ts': planText("  system: 'shop',\n  databse: {},") })
  const { code, err } = await commandLine(project.root, 'guarantees')
  assert.equal(code, 1)
  assert.match(err, /PLAN_INVALID/)
  assert.match(err, new RegExp(`^${join(project.root, 'plan.ts')}:5:3`))
})
