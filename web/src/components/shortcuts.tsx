import { texts } from '~/i18n/texts'
import { layers, useLayer } from '~/stores/layers'
import { Kbd } from '~/ui/bits'
import { Dialog } from '~/ui/dialog'

const t = texts('shell')

type Row = [keys: string[], what: string]

function groups(): Array<[title: string, rows: Row[]]> {
  const [ctrl, esc] = [t('key.ctrl'), t('key.esc')]
  return [
    [
      t('shortcuts.anywhere'),
      [
        [[ctrl, 'K'], t('shortcuts.find')],
        [['/'], t('shortcuts.search')],
        [['g', 'o'], t('place.overview')],
        [['g', 's'], t('place.servers')],
        [['g', 'n'], t('place.nodes')],
        [['g', 'e'], t('place.eggs')],
        [['g', 'p'], t('place.people')],
        [['g', 'r'], t('place.roles')],
        [['g', 'a'], t('place.audit')],
        [['c'], t('palette.new_server')],
        [['t'], t('place.operations')],
        [['?'], t('shortcuts.this_list')],
        [[esc], t('shortcuts.close')],
      ],
    ],
    [
      t('shortcuts.console'),
      [
        [['↑'], t('shortcuts.earlier')],
        [[t('key.tab')], t('shortcuts.complete')],
        [[ctrl, 'F'], t('shortcuts.console_search')],
        [[t('key.page_up')], t('shortcuts.older')],
        [[t('key.end')], t('shortcuts.newest')],
      ],
    ],
    [
      t('shortcuts.files'),
      [
        [[t('key.enter')], t('shortcuts.files_open')],
        [['F2'], t('shortcuts.files_rename')],
        [[t('key.delete')], t('shortcuts.files_delete')],
        [[ctrl, 'X'], t('shortcuts.files_cut')],
        [[ctrl, 'C'], t('shortcuts.files_copy')],
        [[ctrl, 'V'], t('shortcuts.files_paste')],
        [[ctrl, 'A'], t('shortcuts.files_all')],
        [['⌫'], t('shortcuts.files_up')],
      ],
    ],
    [
      t('shortcuts.editor'),
      [
        [[ctrl, 'S'], t('shortcuts.save')],
        [[ctrl, 'F'], t('shortcuts.editor_find')],
        [[ctrl, 'G'], t('shortcuts.editor_line')],
        [[esc, t('key.tab')], t('shortcuts.editor_leave')],
      ],
    ],
  ]
}

export function ShortcutsDialog() {
  const open = useLayer() === 'shortcuts'
  return (
    <Dialog
      open={open}
      onClose={() => layers.show(undefined)}
      title={t('shortcuts.title')}
      note={t('shortcuts.note')}
    >
      <div className="flex flex-col gap-4">
        {groups().map(([title, rows]) => (
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
