import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { FileUp, Plus, Upload } from 'lucide-react'
import { useRef, useState } from 'react'
import { raw } from '~/api/client'
import { asProblem, type Problem } from '~/api/problem'
import { eggsQuery, keys, queryClient } from '~/api/queries'
import type { EggImported } from '~/api/types'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { StarterTiles } from '~/components/starters'
import { usePage } from '~/stores/page'
import { Badge, Mark } from '~/ui/badge'
import { Card, CardHead, GameTile, Tag } from '~/ui/bits'
import { Button } from '~/ui/button'
import { RequestId } from '~/ui/copy'
import { SearchInput } from '~/ui/field'
import { Spinner } from '~/ui/spinner'
import { Empty, SkeletonRows } from '~/ui/wait'
import { cx } from '~/util/cx'
import { gameIcon } from '~/util/game-icon'

interface Dropped {
  file: string
  state: 'waiting' | 'done' | 'refused'
  imported?: EggImported
  problem?: Problem
}

const LARGEST = 4 * 1024 * 1024

async function importFile(file: File): Promise<EggImported> {
  if (file.size > LARGEST) throw new Error('The file is larger than 4 MiB; an egg is a few kilobytes')
  const form = new FormData()
  form.append('file', file, file.name)
  const response = await raw('/eggs/import', { method: 'POST', body: form })
  return (await response.json()) as EggImported
}

export function EggsPage() {
  const eggs = useQuery(eggsQuery)
  const navigate = useNavigate()
  const [needle, setNeedle] = useState('')
  const [dropped, setDropped] = useState<Dropped[]>([])
  const [over, setOver] = useState(false)
  const picker = useRef<HTMLInputElement>(null)
  usePage('Eggs')

  async function take(files: File[]) {
    const rows: Dropped[] = files.map((file) => ({ file: file.name, state: 'waiting' }))
    setDropped(rows)
    for (const [at, file] of files.entries()) {
      try {
        rows[at] = { file: file.name, state: 'done', imported: await importFile(file) }
      } catch (error) {
        rows[at] = { file: file.name, state: 'refused', problem: asProblem(error) }
      }
      setDropped([...rows])
    }
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
      <span className="font-medium">Drop egg files here, or choose some</span>
      <span className="text-12 text-t3">
        PTDL_v1, PTDL_v2 and PLCN_v1 to v3, as JSON or YAML. What is odd is reported.
      </span>
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
        <PageHead title="Eggs" note={eggs.data?.length}>
          <Button look="primary" icon={Upload} onClick={() => picker.current?.click()}>
            Import eggs
          </Button>
        </PageHead>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          accept=".json,.yaml,.yml,application/json"
          aria-label="Egg files"
          onChange={(event) => {
            if (event.target.files) void take([...event.target.files])
            event.target.value = ''
          }}
        />
        {dropped.length > 0 && <Report rows={dropped} onClose={() => setDropped([])} />}
        {eggs.isError && <ProblemView error={eggs.error} onRetry={() => void eggs.refetch()} />}
        {eggs.isPending && (
          <Card>
            <SkeletonRows />
          </Card>
        )}
        {eggs.data?.length === 0 && (
          <Card className="mb-6">
            <Empty title="No egg yet">
              An egg says how a game is installed, started and stopped. Take one of those below, or drop your
              own.
            </Empty>
          </Card>
        )}
        {eggs.data && eggs.data.length > 0 && (
          <>
            <SearchInput
              label="Filter by name, author, tag"
              small
              className="mb-3 w-60 max-sm:w-full"
              value={needle}
              onChange={(event) => setNeedle(event.target.value)}
            />
            <Card className="mb-6 overflow-x-auto">
              <table className="tbl table-fixed">
                <thead>
                  <tr>
                    <th>Name</th>
                    <th className="max-md:hidden">Author</th>
                    <th className="r w-24">Servers</th>
                    <th className="w-24 max-sm:hidden">Images</th>
                    <th className="w-28 max-sm:hidden">From</th>
                    <th className="w-36 max-sm:hidden">
                      <span className="sr-only">Actions</span>
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
                            <div className="truncate text-12 text-t3">{egg.description}</div>
                          </div>
                        </div>
                      </td>
                      <td className="truncate text-t2 max-md:hidden">{egg.author}</td>
                      <td className="r text-t2">{egg.servers}</td>
                      <td className="num text-t2 max-sm:hidden">{egg.images.length}</td>
                      <td className="max-sm:hidden">
                        <Tag>{egg.source === 'starter' ? 'starter' : 'imported'}</Tag>
                      </td>
                      <td className="r max-sm:hidden">
                        <Button
                          size="sm"
                          icon={Plus}
                          className="on-hover"
                          onClick={() => void navigate({ to: '/servers/new', search: { egg: egg.id } })}
                        >
                          New server
                        </Button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              {shown.length === 0 && <Empty title="No egg matches" />}
            </Card>
          </>
        )}
        <div className="mb-6">{zone}</div>
        <StarterTiles thenCreate={false} most={12} />
      </div>
    </Page>
  )
}

/** What came of each file: taken, taken with something odd, or refused and why. */
function Report({ rows, onClose }: { rows: Dropped[]; onClose: () => void }) {
  const waiting = rows.filter((row) => row.state === 'waiting').length
  const odd = rows.filter((row) => (row.imported?.report.odd.length ?? 0) > 0).length
  const refused = rows.filter((row) => row.state === 'refused').length
  const fine = rows.length - waiting - odd - refused
  const summary = [
    fine > 0 && `${fine} taken`,
    odd > 0 && `${odd} odd`,
    refused > 0 && `${refused} refused`,
    waiting > 0 && `${waiting} waiting`,
  ]
    .filter(Boolean)
    .join(', ')
  return (
    <Card className="mb-6 overflow-hidden">
      <CardHead title="Import report" note={<span aria-live="polite">{summary}</span>}>
        <Button size="sm" look="quiet" onClick={onClose}>
          Close
        </Button>
      </CardHead>
      <ul aria-label="Imported files">
        {rows.map((row) => (
          <li
            key={row.file}
            className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-4 gap-y-1 border-t border-line px-4 py-2.5 first:border-0"
          >
            <span className="flex min-w-0 items-center gap-2">
              <span className="mono truncate text-12">{row.file}</span>
              {row.imported && (
                <Link
                  to="/eggs/$egg"
                  params={{ egg: row.imported.egg.id }}
                  className="truncate font-medium text-accent"
                >
                  {row.imported.egg.name}
                </Link>
              )}
              {row.imported && <Tag>{row.imported.report.format}</Tag>}
            </span>
            <ReportState row={row} />
            {row.problem && (
              <div className="col-span-2 text-12">
                <p className="text-t2 [overflow-wrap:anywhere]">{row.problem.message}</p>
                <ul className="mt-1">
                  {Object.entries(row.problem.fields).map(([field, message]) => (
                    <li key={field} className="text-t2">
                      <span className="mono text-fail-fg">{field}</span> {message}
                    </li>
                  ))}
                </ul>
                {row.problem.requestId && <RequestId id={row.problem.requestId} />}
              </div>
            )}
            {row.imported?.report.odd.map((odd) => (
              <div
                key={`${odd.code}/${odd.field}`}
                className="col-span-2 grid grid-cols-[140px_minmax(0,1fr)] gap-3 text-12 max-sm:grid-cols-1 max-sm:gap-0"
              >
                <span className="text-warn-fg">{odd.code.replaceAll('_', ' ')}</span>
                <span className="text-t2 [overflow-wrap:anywhere]">
                  {odd.field && <span className="mono">{odd.field}: </span>}
                  {odd.message}
                </span>
              </div>
            ))}
          </li>
        ))}
      </ul>
    </Card>
  )
}

function ReportState({ row }: { row: Dropped }) {
  if (row.state === 'waiting') return <Spinner className="text-move-dot" />
  if (row.state === 'refused') {
    return (
      <Badge family="fail" shape="crashed" plain>
        Refused
      </Badge>
    )
  }
  if (row.imported && row.imported.report.odd.length > 0) {
    return (
      <Badge family="warn" shape="look" plain>
        Odd, will work
      </Badge>
    )
  }
  return (
    <span className="inline-flex items-center gap-1.5 text-run-fg">
      <Mark shape="ok" size={14} />
      OK
    </span>
  )
}
