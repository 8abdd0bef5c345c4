import type { PlanPath } from '../../plan/plan.ts'
import type { CheckContext, Rule } from '../rule.ts'
import { readSql } from '../sql/statements.ts'

export const sqlValid: Rule = {
  id: 'sql-valid',
  severity: 'error',
  summary: 'Every piece of SQL in the plan is SQL that Postgres can parse.',
  check: (context) =>
    sqlOf(context).flatMap(({ path, sql }) => {
      const reading = readSql(sql)
      if (!('problem' in reading)) return []
      return [{ path, message: `Postgres cannot parse this: ${reading.problem}.`, fix: 'Correct the SQL.' }]
    }),
}

function sqlOf({ plan }: CheckContext): { path: PlanPath; sql: string }[] {
  return [
    ...queriesOf(plan),
    ...Object.entries(plan.incidents.actions.cleanUp?.rows ?? {}).map(([name, { sql }]) => ({
      path: ['incidents', 'actions', 'cleanUp', 'rows', name, 'sql'],
      sql,
    })),
    ...plan.recovery.afterRestore.map((sql, index) => ({ path: ['recovery', 'afterRestore', index], sql })),
    ...Object.entries(plan.recovery.subjects).flatMap(([name, subject]) =>
      (['beforeImport', 'afterImport'] as const).flatMap((list) =>
        subject[list].map((sql, index) => ({ path: ['recovery', 'subjects', name, list, index], sql })),
      ),
    ),
  ]
}

/** The SQL of the plan that asks and must not change anything. */
export function queriesOf(plan: CheckContext['plan']): { path: PlanPath; sql: string }[] {
  return [
    ...Object.entries(plan.database?.invariants ?? {}).map(([name, { sql }]) => ({
      path: ['database', 'invariants', name, 'sql'],
      sql,
    })),
    ...Object.entries(plan.probes).flatMap(([name, probe]) =>
      'sql' in probe ? [{ path: ['probes', name, 'sql'], sql: probe.sql }] : [],
    ),
    ...Object.entries(plan.recovery.erasures).flatMap(([name, { asked }]) =>
      asked === undefined ? [] : [{ path: ['recovery', 'erasures', name, 'asked'], sql: asked }],
    ),
    ...Object.entries(plan.telemetry.metrics).flatMap(([name, { query }]) =>
      query ? [{ path: ['telemetry', 'metrics', name, 'query', 'sql'], sql: query.sql }] : [],
    ),
    ...Object.entries(plan.telemetry.checks).map(([name, { call }]) => ({
      path: ['telemetry', 'checks', name, 'call'],
      sql: call,
    })),
  ]
}
