"""Yardstick: a bare Starlette route, and the same with one insert a request (`uvicorn` as it comes, one process).

python -m benchmarks.yardsticks.bare PORT [DATABASE]
"""

from __future__ import annotations

import asyncio
import sys

import uvicorn
from sqlmodel import Field, Session, SQLModel, create_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


class BareNotice(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    body: str


async def nothing(request: Request) -> Response:
    await request.body()
    return PlainTextResponse("stored\n")


def inserting(database: str) -> Route:
    engine = create_engine(database)
    SQLModel.metadata.create_all(engine, tables=[BareNotice.__table__])

    def insert(body: str) -> None:
        with Session(engine) as session:
            session.add(BareNotice(body=body))
            session.commit()

    async def stored(request: Request) -> Response:
        await asyncio.to_thread(insert, (await request.body()).decode())
        return PlainTextResponse("stored\n")

    return Route("/webhooks/bokun/{token}", stored, methods=["POST"])


def main() -> None:
    port = int(sys.argv[1])
    bare = Route("/webhooks/bokun/{token}", nothing, methods=["POST"])
    app = Starlette(routes=[inserting(sys.argv[2]) if len(sys.argv) > 2 else bare])
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
