import type { Command } from 'commander'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import { registerAlertsExplain } from './alerts-explain.ts'
import { registerAlertsList } from './alerts-list.ts'
import { registerAlertsSilence } from './alerts-silence.ts'
import { registerAlertsTest } from './alerts-test.ts'
import { chooseSystem } from './choose-systems.ts'
import type { CommandContext } from './command.ts'
import type { ChooseSystem } from './watched-alerts.ts'

export function registerAlerts(program: Command, context: CommandContext): void {
  const alerts = program
    .command('alerts')
    .description('Lists, explains, tries and silences the alerts of a plan, its probes and guarantees among them.')
    .addHelpText(
      'after',
      `
Example:
  aval alerts explain medtime api_error_rate_high

docs/alerts.md says how people are told.`,
    )
  const choose: ChooseSystem = async (name, command) => {
    const project = await findProject(context.cwd, context.home)
    const only = chooseSystem(project, name, `alerts ${command}`)
    return { project, system: await loadSystem(project, only) }
  }
  registerAlertsList(alerts, context, choose)
  registerAlertsExplain(alerts, context, choose)
  registerAlertsTest(alerts, context, choose)
  registerAlertsSilence(alerts, context, choose)
}
