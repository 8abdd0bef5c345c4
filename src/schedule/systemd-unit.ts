/** What a unit is made from. Paths are absolute. */
export interface UnitOptions {
  system: string
  title: string
  /** The launcher, `aval`. */
  launcher: string
  /** Folder of the project. */
  project: string
  /** Account of the service; undefined for a unit of the user's own manager. */
  account: string | undefined
  /** Files that open a locked key, handed over by systemd and shown to nobody else. */
  credentials: { passphrase?: string | undefined; identity?: string | undefined }
}

/** Name of the unit of a system. */
export function unitName(system: string): string {
  return `aval-${system}.service`
}

/**
 * A systemd unit that runs `aval up` from boot on and starts it again when it fails. Services and Postgres are children of Aval,
 * which stops them in order: only when it does not within its time does systemd kill what is left.
 */
export function systemdUnit(options: UnitOptions): string {
  const { account, credentials } = options
  const handed = [
    ...(credentials.passphrase === undefined
      ? []
      : [['passphrase', 'AVAL_PASSPHRASE_FILE', credentials.passphrase] as const]),
    ...(credentials.identity === undefined ? [] : [['identity', 'AVAL_IDENTITY_FILE', credentials.identity] as const]),
  ]
  const lines = [
    '[Unit]',
    `Description=${escapeValue(options.title)}, run by Aval`,
    'After=network-online.target',
    'Wants=network-online.target',
    // Five failures within five minutes are a broken installation, not bad luck.
    'StartLimitIntervalSec=300',
    'StartLimitBurst=5',
    '',
    '[Service]',
    'Type=exec',
    ...(account === undefined ? [] : [`User=${account}`]),
    `WorkingDirectory=${escapeValue(options.project)}`,
    // The launcher as an argument: systemd refuses programs whose path holds quotes or a dollar.
    `ExecStart=/bin/sh ${quote(options.launcher)} up ${options.system}`,
    '# The journal is no terminal: lines only, no display that moves.',
    'Environment=CI=1',
    ...handed.flatMap(([name, variable, file]) => [
      `LoadCredential=${name}:${escapeValue(file)}`,
      `Environment=${variable}=%d/${name}`,
    ]),
    'Restart=on-failure',
    'RestartSec=5',
    'KillMode=mixed',
    'TimeoutStopSec=90',
    'UMask=0077',
    'LimitNOFILE=65536',
    '',
    '[Install]',
    `WantedBy=${account === undefined ? 'default.target' : 'multi-user.target'}`,
  ]
  return `${lines.join('\n')}\n`
}

/** systemd reads `%` as the beginning of a specifier. */
function escapeValue(value: string): string {
  return value.replaceAll('%', '%%')
}

function quote(path: string): string {
  return `"${escapeValue(path).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('$', '$$$$')}"`
}
