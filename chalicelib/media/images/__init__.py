"""The images function: it takes the events of uploads from a queue and makes the pictures that people see."""
