"""OneRoster exports are read as the students that are in them."""

import zipfile

import pytest

from merge.choices import recall
from merge.heading_questions import ask_before_reading
from merge.options import Options
from merge.problems import SheetRefused
from merge.sheet import inspect
from words import Later

# users.csv and roles.csv of the OneRoster CSV binding 1.2, and users.csv of 1.1, which has the role itself.
USERS = (
    "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,"
    "agentSourcedIds,grades,password,userMasterIdentifier,resourceSourcedIds,preferredGivenName,preferredMiddleName,"
    "preferredFamilyName,primaryOrgSourcedId,pronouns"
)
ROLES = "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId"
USERS_1_1 = (
    "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,"
    "identifier,email,sms,phone,agentSourcedIds,grades,password"
)
MANIFEST = "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\nfile.users,bulk\nfile.roles,bulk\n"


def user(source, given, family, identifier="", status=""):
    return f"{source},{status},,true,{given.lower()},,{given},{family},,{identifier}" + "," * 13


def role(source, name, status=""):
    return f"r-{source}-{name},{status},,{source},primary,{name},,,school,"


def user_1_1(source, given, family, identifier, name, status=""):
    return f"{source},{status},,true,school,{name},{given.lower()},,{given},{family},,{identifier}" + "," * 6


def archive(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, lines in members.items():
            made.writestr(f"{name}.csv", lines if isinstance(lines, str) else "\r\n".join(lines) + "\r\n")
    return path


def names(sheet):
    given, family = sheet.headings.index("givenName"), sheet.headings.index("familyName")
    return [f"{row[given]} {row[family]}" for block, _ in sheet.blocks() for _, row in block]


@pytest.fixture
def upload(tmp_path):
    return tmp_path / "upload"


def whole(upload):
    users = [user("u-1", "Ada", "Lovelace", "17"), user("u-2", "Grace", "Hopper", "18"), user("u-3", "Ann", "Teach", "900")]
    users += [
        user("u-4", "Gone", "Girl", "19", "tobedeleted"),
        user("u-5", "Both", "Ways", "20"),
        user("u-6", "No", "Role", "21"),
    ]
    roles = [role("u-1", "student"), role("u-2", "student"), role("u-3", "teacher"), role("u-4", "student")]
    roles += [role("u-5", "aide"), role("u-5", "student"), role("u-6", "student", "tobedeleted")]
    return archive(upload, manifest=MANIFEST, orgs="sourcedId\n1\n", users=[USERS, *users], roles=[ROLES, *roles])


def test_the_students_of_an_archive_are_read_and_everybody_else_is_named(upload):
    sheet = inspect(whole(upload))
    assert names(sheet) == ["Ada Lovelace", "Grace Hopper", "Both Ways"]
    assert sheet.columns[sheet.headings.index("identifier")] == "id"
    assert sheet.columns[sheet.headings.index("givenName")] == "name:first"
    assert sheet.columns[sheet.headings.index("sourcedId")] is None
    assert said(sheet.left_out) == [
        [4, "Users with the role “teacher” are not students: 1 skipped."],
        [5, "The other system marks these as deleted: 19. An import never deletes students."],
        [7, "Users without a role are not students: 1 skipped."],
    ]
    assert ask_before_reading(sheet, Options()) == []
    assert sorted(path.name for path in upload.parent.iterdir()) == ["upload", "upload.made-unpacked"]


@pytest.mark.parametrize(
    ("source", "identifier", "key"),
    [
        ("u-{}", "{}", "identifier"),
        ("{}", "{}", "identifier"),
        ("{}", "S{}", "sourcedId"),
        ("{}", "", "sourcedId"),
        ("u-{}", "S{}", None),
    ],
)
def test_the_id_is_the_first_column_of_whole_numbers_and_otherwise_the_name_counts(upload, session, source, identifier, key):
    rows = [user_1_1(source.format(n), f"Name{n}", "X", identifier.format(n), "student") for n in range(1, 9)]
    rows.append(user_1_1("teacher-1", "Ann", "Teach", "none", "teacher"))
    upload.write_text("\n".join([USERS_1_1, *rows]) + "\n")
    sheet, options = recall(session, inspect(upload))
    assert [heading for heading, column in zip(sheet.headings, sheet.columns, strict=True) if column == "id"] == (
        [key] if key else []
    )
    assert options.match == ("id" if key else "name")
    assert len(names(sheet)) == 8


def test_a_file_alone_that_does_not_say_who_is_a_student_leaves_that_open(upload):
    upload.write_text("\n".join([USERS, user("u-1", "Ada", "Lovelace", "17")]) + "\n")
    assert "does not say who is a student" in str(ask_before_reading(inspect(upload), Options())[0].sentence)
    lone = archive(upload, manifest=MANIFEST, users=[USERS, user("u-1", "Ada", "Lovelace", "17")])
    assert "does not say who is a student" in str(ask_before_reading(inspect(lone), Options())[0].sentence)


def test_what_is_left_out_of_many_blocks_is_summed_up_once(upload):
    rows = [user_1_1(n, f"Name{n}", "X" * 50, n, "student" if n % 3 else "Parent") for n in range(1, 20_001)]
    upload.write_text("\n".join([USERS_1_1, *rows]) + "\n")
    sheet = inspect(upload)
    for _ in range(2):
        assert len(names(sheet)) == 13_334
        assert said(sheet.left_out) == [[4, "Users with the role “parent” are not students: 6,666 skipped."]]


def test_a_users_file_in_which_nobody_is_a_student_is_refused(upload):
    upload.write_text("\n".join([USERS_1_1, user_1_1("1", "Ann", "Teach", "1", "teacher")]) + "\n")
    with pytest.raises(SheetRefused, match="no rows under it"):
        inspect(upload)


def test_roles_that_are_not_as_they_should_be_are_refused(upload):
    broken = archive(upload, manifest=MANIFEST, users=[USERS, user("u-1", "Ada", "L", "1")], roles="something,else\n1,2\n")
    with pytest.raises(SheetRefused, match="not as OneRoster says"):
        inspect(broken)


def said(left_out):
    return [[line, str(Later.load(reason))] for line, reason in left_out]
