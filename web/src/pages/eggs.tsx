import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { FileUp, Plus, Upload } from 'lucide-react'
import { useRef, useState } from 'react'
import { eggsQuery, keys, queryClient } from '~/api/queries'
import { type Dropped, importAll } from '~/components/egg-import'
import { EggReport } from '~/components/egg-report'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { StarterTiles } from '~/components/starters'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card, GameTile, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { SearchInput } from '~/ui/field'
import { Empty, SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { gameIcon } from '~/util/game-icon'
import { visible, visibleLines } from '~/util/visible'

const t = texts('eggs')

export function EggsPage() {
  const eggs = useQuery(eggsQuery)
  const navigate = useNavigate()
  const [needle, setNeedle] = useState('')
  const [dropped, setDropped] = useState<Dropped[]>([])
  const [over, setOver] = useState(false)
  const picker = useRef<HTMLInputElement>(null)
  usePage(t('title'))

  async function take(files: File[]) {
    await importAll(files, new Set(eggs.data?.map((egg) => egg.id)), setDropped)
    await queryClient.invalidateQueries({ queryKey: keys.eggs })
  }

  const shown = (eggs.data ?? [])
    .filter((egg) =>
      `${egg.name} ${egg.author} ${egg.tags.join(' ')}`.toLowerCase().includes(needle.toLowerCase()),
    )
    .sort((a, b) => a.name.localeCompare(b.name))
  const zone = (
    <button
      type="button"
      onClick={() => picker.current?.click()}
      className={cx(
        'tx flex w-full flex-col items-center gap-1 rounded-box border border-dashed px-6 py-6 text-center',
        over ? 'border-accent-line bg-accent-tint' : 'border-line-2 hover:border-line-3 hover:bg-surface',
      )}
    >
      <FileUp aria-hidden="true" size={20} strokeWidth={1.6} className="text-t2" />
      <span className="font-medium">{t('drop')}</span>
      <span className="text-12 text-t3">{t('drop.note')}</span>
    </button>
  )
  return (
    <Page>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping has the button beside it for keyboards */}
      <div
        onDragOver={(event) => {
          event.preventDefault()
          setOver(true)
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault()
          setOver(false)
          void take([...event.dataTransfer.files])
        }}
      >
        <PageHead title={t('title')} note={eggs.data?.length}>
          <Button look="primary" icon={Upload} onClick={() => picker.current?.click()}>
            {t('import')}
          </Button>
        </PageHead>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          accept=".json,.yaml,.yml,application/json"
          aria-label={t('import.files')}
          onChange={(event) => {
            if (event.target.files) void take([...event.target.files])
            event.target.value = ''
          }}
        />
        {dropped.length > 0 && (
          <EggReport rows={dropped} onMore={() => picker.current?.click()} onClose={() => setDropped([])} />
        )}
        {eggs.isError && <ProblemView error={eggs.error} onRetry={() => void eggs.refetch()} />}
        {eggs.isPending && (
          <Card>
            <SkeletonRows />
          </Card>
        )}
        {eggs.data?.length === 0 && (
          <Card className="mb-6">
            <Empty title={t('none')}>{t('none.note')}</Empty>
          </Card>
        )}
        {eggs.data && eggs.data.length > 0 && (
          <>
            <SearchInput
              label={t('filter')}
              small
              className="mb-3 w-60 max-sm:w-full"
              value={needle}
              onChange={(event) => setNeedle(event.target.value)}
            />
            <Card className="mb-6 overflow-x-auto">
              <table className="tbl table-fixed">
                <thead>
                  <tr>
                    <th>{t('table.name')}</th>
                    <th className="max-lg:hidden">{t('table.author')}</th>
                    <th className="r w-24">{t('table.servers')}</th>
                    <th className="w-24 max-sm:hidden">{t('images')}</th>
                    <th className="w-28 max-sm:hidden">{t('table.from')}</th>
                    <th className="w-36 max-sm:hidden">
                      <span className="sr-only">{t('table.actions')}</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {shown.map((egg) => (
                    <tr key={egg.id}>
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
                        <Tag>{t(egg.source === 'starter' ? 'source.starter' : 'source.imported')}</Tag>
                      </td>
                      <td className="r max-sm:hidden">
                        <Button
                          size="sm"
                          icon={Plus}
                          className="on-hover"
                          onClick={() => void navigate({ to: '/servers/new', search: { egg: egg.id } })}
                        >
                          {t('new_server')}
                        </Button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {shown.length === 0 && <Empty title={t('filter.none')} />}
            </Card>
          </>
        )}
        <div className="mb-6">{zone}</div>
        <StarterTiles thenCreate={false} most={12} />
      </div>
    </Page>
  )
}
