import type { Mutation } from 'aval'
import { preload } from './preload.ts'

const breaks = 'telemetry/services/emitted'

/** Services whose figures are not those of the plan. */
export const telemetryMutations: Mutation[] = [
  {
    id: 'errors-uncounted',
    breaks,
    description: 'The api offers its counter of errors and never counts one',
    environment: preload('api', 'errors-uncounted.ts'),
  },
  {
    id: 'sms-uncounted',
    breaks,
    description: 'The messenger offers its counter of SMS and never counts one',
    environment: preload('messenger', 'sms-uncounted.ts'),
  },
  {
    id: 'metric-unlisted',
    breaks,
    description: 'The api measures something that the plan does not list',
    environment: preload('api', 'metrics-by-user.ts'),
  },
]
