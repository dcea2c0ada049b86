"""The requests of the workshop's clients, in the workshop's order."""

import uuid


def test_the_clients_of_the_workshop_work_unchanged(api):
    person, other = api.sign_up(), api.sign_up()
    mine, others = f"/users/{person.sub}", f"/users/{other.sub}"

    # Requests without a token are rejected, and users may not list users.
    assert api.get("/users").status == 401
    assert api.get("/users", token=person.token).status == 403
    assert api.post("/users", token=person.token, json={"name": "x"}).status == 403

    # A user reads and writes their own record.
    nothing = api.get(mine, token=person.token)
    assert (nothing.status, nothing.json) == (200, {})
    put = api.put(mine, token=person.token, json={"name": "Jane", "age": 30})
    assert put.status == 200
    got = api.get(mine, token=person.token)
    assert got.json == put.json
    assert got.json == {"name": "Jane", "age": 30, "userid": person.sub, "timestamp": put.json["timestamp"]}

    # No method gives access to another user's record.
    for method, body in (("GET", ...), ("PUT", {"a": 1}), ("PATCH", {"a": 1}), ("DELETE", ...)):
        assert api.request(method, others, token=person.token, json=body).status == 403, method
    assert api.users.get(other.sub) is None

    # The user becomes an admin. Only tokens issued afterwards are admin tokens.
    admin = api.make_admin(person)
    assert api.get("/users", token=person.token).status == 403
    everybody = api.get("/users?limit=100", token=admin.token)
    assert everybody.status == 200
    assert api.get(others, token=admin.token).json == {}

    # The admin creates users with and without a userid.
    chosen = f"chosen-{uuid.uuid4().hex}"
    made = api.post("/users", token=admin.token, json={"userid": chosen, "name": "Chosen"})
    assert (made.status, made.json["userid"]) == (200, chosen)
    again = api.post("/users", token=admin.token, json={"userid": chosen, "name": "Changed"})
    assert (again.status, again.json["name"]) == (200, "Changed")
    fresh = api.post("/users", token=admin.token, json={"name": "Fresh"})
    assert fresh.status == 200
    assert uuid.UUID(fresh.json["userid"]).version == 4
    for answer in (again, fresh):
        assert api.get(f"/users/{answer.json['userid']}", token=admin.token).json == answer.json

    # A form sent as JSON is rejected.
    assert api.post("/users", token=admin.token, body=b"name=Jane", headers=JSON).status == 400

    # A delete returns the same response whether or not the user exists.
    for _ in range(2):
        deleted = api.delete(f"/users/{chosen}", token=admin.token)
        assert (deleted.status, deleted.json) == (200, {})
    assert api.get(f"/users/{chosen}", token=admin.token).json == {}


JSON = {"Content-Type": "application/json"}
