import { z } from 'zod'
import { citation, name } from './citation.ts'
import { duration } from './units.ts'

const limits = {
  within: duration.default(300_000).describe('When it counts as failed and is ended.'),
  variables: z
    .array(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'the name of a variable, such as CLOUD_TOKEN'))
    .default([])
    .describe('Variables of the environment of Aval that the command gets besides.'),
}
const command = z
  .array(z.string())
  .min(1)
  .describe(
    'Program and arguments, run in the folder of the system; AVAL_SYSTEM, AVAL_ACTION, AVAL_ALERT and AVAL_LABEL_<NAME> say what it is about. What it prints is shown, not kept.',
  )
const means = z.strictObject({ command, ...limits, ...citation })

const oldFiles = z.strictObject({
  in: z
    .string()
    .regex(/^(?!\/)(?!\.\.?(?:\/|$))(?!.*\/\.\.(?:\/|$)).+$/, 'a folder below that of the system')
    .describe('The folder, below that of the system.'),
  olderThan: duration.describe('Files that were not changed for so long are removed.'),
  ...citation,
})

/** What carries the actions of alerts out, where Aval does not do so by itself. */
export const actionMeans = z
  .strictObject({
    rollback: means.describe('Takes the last release back.').optional(),
    failover: means.describe('Lets the standby take over; `aval standby promote` unless told.').optional(),
    cleanUp: z
      .strictObject({
        command: command.optional(),
        files: z.record(name, oldFiles).default({}).describe('Folders whose old files are removed.'),
        rows: z
          .record(
            name,
            z.strictObject({
              sql: z.string().min(1).describe('One statement that removes them; it must bear to run again.'),
              ...citation,
            }),
          )
          .default({})
          .describe('Rows that are removed, each by the owner of the schema in a transaction of its own.'),
        ...limits,
        ...citation,
      })
      .describe('What is removed besides backups that have served their time.')
      .optional(),
    scale: means.describe('Adds an instance.').optional(),
    retry: means.describe('Takes a backup again; `aval backup create` unless told.').optional(),
    renew: means.describe('Has a new certificate issued.').optional(),
  })
  .describe('What carries out what `alerts.*.then` asks for. Where nothing does, a person has to.')

export type ActionMeans = z.output<typeof means>
export type CleanUp = NonNullable<z.output<typeof actionMeans>['cleanUp']>
