import { layers, useLayer } from '~/stores/layers'
import { Kbd } from '~/ui/bits'
import { Dialog } from '~/ui/dialog'

const GROUPS: Array<[title: string, rows: Array<[keys: string[], what: string]>]> = [
  [
    'Anywhere',
    [
      [['Ctrl', 'K'], 'Find anything, run a command'],
      [['/'], 'Search on this page'],
      [['g', 'o'], 'Overview'],
      [['g', 's'], 'Servers'],
      [['g', 'n'], 'Nodes'],
      [['g', 'e'], 'Eggs'],
      [['g', 'p'], 'People'],
      [['g', 'r'], 'Roles'],
      [['g', 'a'], 'Audit log'],
      [['c'], 'New server'],
      [['t'], 'Operations'],
      [['?'], 'This list'],
      [['Esc'], 'Close what is open'],
    ],
  ],
  [
    'Console',
    [
      [['↑'], 'Earlier command, also later with ↓'],
      [['Tab'], 'Complete from what was typed before'],
      [['Ctrl', 'F'], 'Search in the console'],
      [['PgUp'], 'Older lines, newer with PgDn'],
      [['End'], 'Back to the newest line'],
    ],
  ],
  ['Editor', [[['Ctrl', 'S'], 'Save']]],
]

export function ShortcutsDialog() {
  const open = useLayer() === 'shortcuts'
  return (
    <Dialog
      open={open}
      onClose={() => layers.show(undefined)}
      title="Shortcuts"
      note="The console and the editor keep their keys to themselves."
    >
      <div className="flex flex-col gap-4">
        {GROUPS.map(([title, rows]) => (
          <section key={title}>
            <h3 className="mb-1 text-12 text-t3">{title}</h3>
            <dl className="grid grid-cols-[1fr_auto]">
              {rows.map(([keys, what]) => (
                <div key={what} className="contents">
                  <dt className="leading-7 text-t2">{what}</dt>
                  <dd className="flex items-center gap-1">
                    {keys.map((key) => (
                      <Kbd key={key}>{key}</Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
