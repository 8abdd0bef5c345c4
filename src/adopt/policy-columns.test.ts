import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parse } from 'libpg-query'
import { policyColumns } from './policy-columns.ts'

/** A condition of a policy on `notes`, and the columns of `notes` that it holds against who is speaking. */
const cases: readonly [string, string[]][] = [
  ["tenant = current_setting('app.tenant')::uuid", ['tenant']],
  ['(select auth.uid()) = notes."ownerId" AND NOT archived', ['ownerId']],
  ["current_setting('app.tenant') = tenant::text OR kind = 'shared'", ['tenant']],
  ['writer = current_user', ['writer']],
  ['is_member(team)', ['team']],
  ['(select is_member(team))', ['team']],
  ['team IN (SELECT team FROM members WHERE person = auth.uid())', ['team']],
  ['EXISTS (SELECT FROM members m WHERE m.team = notes.team AND m.person = auth.uid())', ['team']],
  ['parent = id', []],
  ["kind = 'shared'", []],
  ['true', []],
]

describe('what a policy holds against who is speaking', () => {
  for (const [condition, columns] of cases)
    for (const clause of ['USING', 'FOR INSERT WITH CHECK'])
      test(`${clause} (${condition})`, async () => {
        const { stmts } = await parse(`CREATE POLICY p ON public.notes ${clause} (${condition})`)
        const node = stmts?.[0]?.stmt
        assert.ok(node !== undefined && 'CreatePolicyStmt' in node)
        assert.deepEqual([...policyColumns(node.CreatePolicyStmt)], columns)
      })
})
