import { Link, useNavigate } from '@tanstack/react-router'
import { Ellipsis, FolderInput, Pencil, Plus, Trash2 } from 'lucide-react'
import type { EggSummary, Nest } from '~/api/types'
import { useMay } from '~/hooks/use-may'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import { GameTile, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Menu, MenuItem, MenuLine } from '~/ui/menu'
import { Empty } from '~/ui/wait'
import { gameIcon } from '~/util/game-icon'
import { type EggGroup, grouped } from '~/util/nests'
import { visible, visibleLines } from '~/util/visible'

const t = texts('nests')
const eggWords = texts('eggs')

interface Acts {
  onMove: (egg: EggSummary) => void
  onRename: (nest: Nest) => void
  onDelete: (nest: Nest) => void
}

/** Eggs by nest; where there is none, without a word of them. */
export function EggTable({
  eggs,
  nests,
  empty,
  ...acts
}: Acts & {
  eggs: EggSummary[]
  nests: Nest[]
  /** Nests without an egg are shown too: nothing is searched for. */
  empty: boolean
}) {
  const groups = grouped(eggs, nests, empty)
  const plain = nests.length === 0 && groups.every(({ id }) => id === undefined)
  return (
    <>
      <table className="tbl table-fixed">
        <thead>
          <tr>
            <th>{eggWords('table.name')}</th>
            <th className="max-lg:hidden">{eggWords('table.author')}</th>
            <th className="r w-24">{eggWords('table.servers')}</th>
            <th className="w-24 max-sm:hidden">{eggWords('images')}</th>
            <th className="w-28 max-sm:hidden">{eggWords('table.from')}</th>
            <th className="w-44 max-sm:w-15">
              <span className="sr-only">{eggWords('table.actions')}</span>
            </th>
          </tr>
        </thead>
        {groups.map((group) => (
          <tbody key={group.id ?? ''}>
            {!plain && <Head group={group} {...acts} />}
            {group.eggs.map((egg) => (
              <Row key={egg.id} egg={egg} some={nests.length > 0} onMove={acts.onMove} />
            ))}
          </tbody>
        ))}
      </table>
      {groups.length === 0 && <Empty title={eggWords('filter.none')} />}
    </>
  )
}

function Head({ group, onRename, onDelete }: { group: EggGroup } & Omit<Acts, 'onMove'>) {
  const { may } = useMay()
  const { nest, eggs } = group
  const columns = useColumns()
  const name = group.id === undefined ? t('outside') : group.name
  return (
    <tr>
      <th colSpan={columns} scope="rowgroup" className="bg-surface-2!">
        <span className="flex min-h-9 items-center gap-2">
          <span className="truncate text-13 font-semibold text-t1">{name}</span>
          <span className="num">{t('count', { n: eggs.length })}</span>
          {nest?.description && (
            <span className="min-w-0 truncate max-sm:hidden" title={visibleLines(nest.description)}>
              {visible(nest.description)}
            </span>
          )}
          <span className="flex-1" />
          {nest && (
            <Menu
              trigger={
                <Button
                  size="sm"
                  look="quiet"
                  iconOnly
                  icon={Ellipsis}
                  aria-label={t('more', { name })}
                  className="-mr-1.5 max-sm:-mr-3"
                />
              }
            >
              <MenuItem
                icon={Pencil}
                off={may('nest.update') ? false : t('off.update')}
                onSelect={() => onRename(nest)}
              >
                {t('rename')}
              </MenuItem>
              <MenuLine />
              <MenuItem
                icon={Trash2}
                danger
                off={
                  may('nest.delete') ? nest.eggs > 0 && t('off.in_use', { n: nest.eggs }) : t('off.delete')
                }
                onSelect={() => onDelete(nest)}
              >
                {t('delete')}
              </MenuItem>
            </Menu>
          )}
        </span>
      </th>
    </tr>
  )
}

/** Columns that are there at this width: one more in a head would take its width from the others. */
function useColumns(): number {
  const phone = useMedia('(max-width: 639px)')
  const narrow = useMedia('(max-width: 1099px)')
  return phone ? 3 : narrow ? 5 : 6
}

function Row({ egg, some, onMove }: { egg: EggSummary; some: boolean; onMove: Acts['onMove'] }) {
  const navigate = useNavigate()
  const { may } = useMay()
  const phone = useMedia('(max-width: 639px)')
  const make = () => void navigate({ to: '/servers/new', search: { egg: egg.id } })
  return (
    <tr>
      <td>
        <div className="flex items-center gap-2.5">
          <GameTile icon={gameIcon(egg.name)} />
          <div className="min-w-0">
            <Link
              to="/eggs/$egg"
              params={{ egg: egg.id }}
              className="fills-cell block truncate leading-[18px] font-medium hover:text-accent"
            >
              {egg.name}
            </Link>
            <div className="truncate text-12 text-t3">{visibleLines(egg.description)}</div>
          </div>
        </div>
      </td>
      <td className="truncate text-t2 max-lg:hidden">{visible(egg.author)}</td>
      <td className="r text-t2">{egg.servers}</td>
      <td className="num text-t2 max-sm:hidden">{egg.images.length}</td>
      <td className="max-sm:hidden">
        <Tag>{eggWords(egg.source === 'starter' ? 'source.starter' : 'source.imported')}</Tag>
      </td>
      <td>
        <span className="flex items-center justify-end gap-1">
          {!phone && (
            <Button size="sm" icon={Plus} className="on-hover" onClick={make}>
              {eggWords('new_server')}
            </Button>
          )}
          <Menu
            trigger={
              <Button
                size="sm"
                look="quiet"
                iconOnly
                icon={Ellipsis}
                aria-label={t('more', { name: egg.name })}
                className="-mr-1.5 max-sm:-mr-3"
              />
            }
          >
            {phone && (
              <MenuItem icon={Plus} onSelect={make}>
                {eggWords('new_server')}
              </MenuItem>
            )}
            <MenuItem
              icon={FolderInput}
              off={may('egg.update') ? !some && t('off.no_nest') : t('off.move')}
              onSelect={() => onMove(egg)}
            >
              {t('move')}
            </MenuItem>
          </Menu>
        </span>
      </td>
    </tr>
  )
}
