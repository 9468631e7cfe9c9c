"""What is sent is read before anything is done with it."""


def test_a_part_without_a_name_is_no_form(client):
    body = b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"
    answer = client.open("/login", "POST", data=body, content_type="multipart/form-data; boundary=x")
    assert "isn’t one of Rollbook’s" in answer.text
